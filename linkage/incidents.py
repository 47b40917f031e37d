"""The incidents that linkage holds: by asset while they take events, by id until they are closed."""

from collections.abc import Iterable
from uuid import UUID

from domain.ids import AssetId
from domain.incidents import Incident, IncidentState


class OpenIncidents:
    """One incident per asset takes more events; one that has returned waits for a person."""

    def __init__(self, incidents: Iterable[Incident]) -> None:
        self._by_id: dict[UUID, Incident] = {}
        self._by_asset: dict[AssetId, UUID] = {}  # those that take more events
        self._of_event: dict[UUID, UUID] = {}  # of every standing event
        self._events: dict[UUID, set[UUID]] = {}  # all that ever joined, as far as we know
        self._beneath: dict[UUID, set[UUID]] = {}  # by their cause
        for incident in incidents:
            self.keep(incident)

    def get(self, incident_id: UUID) -> Incident | None:
        return self._by_id.get(incident_id)

    def every(self) -> list[Incident]:
        return list(self._by_id.values())

    def at_asset(self, asset_id: AssetId) -> Incident | None:
        incident_id = self._by_asset.get(asset_id)
        return None if incident_id is None else self._by_id[incident_id]

    def of_event(self, event: UUID) -> Incident | None:
        incident_id = self._of_event.get(event)
        return None if incident_id is None else self._by_id.get(incident_id)

    def events_of(self, incident_id: UUID) -> frozenset[UUID]:
        return frozenset(self._events.get(incident_id, ()))

    def beneath(self, cause: UUID) -> list[Incident]:
        """Open ones that it explains."""
        return [self._by_id[each] for each in sorted(self._beneath.get(cause, ()))]

    def keep(self, incident: Incident) -> None:
        before = self._by_id.get(incident.incident_id)
        if before and before.cause and before.cause != incident.cause:
            self._leave(before.cause, before.incident_id)
        if incident.cause:
            self._beneath.setdefault(incident.cause, set()).add(incident.incident_id)
        self._by_id[incident.incident_id] = incident
        if before is None or before.standing is not incident.standing:
            self._stand(before.standing if before else frozenset(), incident)
        if incident.takes_more:
            self._by_asset[incident.asset_id] = incident.incident_id
        elif self._by_asset.get(incident.asset_id) == incident.incident_id:
            del self._by_asset[incident.asset_id]
        if incident.state is IncidentState.CLOSED:
            self._forget(incident)

    def _stand(self, before: frozenset[UUID], incident: Incident) -> None:
        for event in before - incident.standing:
            self._of_event.pop(event, None)
        self._of_event.update(dict.fromkeys(incident.standing, incident.incident_id))
        self._events.setdefault(incident.incident_id, set()).update(incident.standing)

    def joined(self, incident: Incident, event: UUID) -> None:
        """A momentary event joins and is over at once: it never stood."""
        if incident.incident_id in self._by_id:
            self._events[incident.incident_id].add(event)

    def _forget(self, incident: Incident) -> None:
        del self._by_id[incident.incident_id]
        self._events.pop(incident.incident_id, None)
        if incident.cause:
            self._leave(incident.cause, incident.incident_id)
        for event in incident.standing:
            self._of_event.pop(event, None)

    def _leave(self, cause: UUID, incident_id: UUID) -> None:
        beneath = self._beneath.get(cause, set())
        beneath.discard(incident_id)
        if not beneath:
            self._beneath.pop(cause, None)
