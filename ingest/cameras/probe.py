"""Why a camera gives no picture, in one sentence: the decoder only says that it could not be opened."""

import socket
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from domain.cameras import Camera, CameraKind

_PORT: Final = 554
_ANSWER_WITHIN_S: Final = 3.0
_ANSWER_BYTES: Final = 4_096


def why_not(camera: Camera) -> str:
    """Asks the camera once, without the password."""
    if camera.kind is CameraKind.FILE:
        found = Path(camera.address).is_file()
        return "the file holds no video that can be read" if found else "there is no such file"
    try:
        status = _status_of(camera.address)
    except TimeoutError:
        return f"the camera does not answer within {_ANSWER_WITHIN_S:g} s"
    except ConnectionRefusedError:
        return "the camera refuses the connection: is RTSP switched on, is the port right?"
    except OSError as error:
        return f"the camera cannot be reached: {error.strerror or type(error).__name__}"
    except ValueError:
        return "what answers there does not speak RTSP"
    match status:
        case 401 | 403 if camera.username:
            return "the camera refuses the user name or the password"
        case 401 | 403:
            return "the camera wants a user name and a password"
        case 404:
            return "the camera has no stream of this path"
        case 200:
            return "the stream cannot be decoded"
        case _:
            return f"the camera answers {status}"


def _status_of(address: str) -> int:
    """Of DESCRIBE (RFC 2326 10.2). Raises OSError, or ValueError where no RTSP comes back."""
    parts = urlsplit(address)
    bare = f"rtsp://{parts.hostname}:{parts.port or _PORT}{parts.path}"
    bare += f"?{parts.query}" if parts.query else ""
    asked = f"DESCRIBE {bare} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n"
    where = (parts.hostname or "", parts.port or _PORT)
    with socket.create_connection(where, timeout=_ANSWER_WITHIN_S) as connection:
        connection.sendall(asked.encode())
        answer = connection.recv(_ANSWER_BYTES).decode("ascii", errors="replace")
    version, _, rest = answer.partition(" ")
    if not version.startswith("RTSP/"):
        raise ValueError(answer[:40])
    return int(rest[:3])
