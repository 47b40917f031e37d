"""The edge of the recognition: model files, picture files, engines. The rules are in detectors.violations."""
