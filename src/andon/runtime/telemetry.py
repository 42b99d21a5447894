"""Nothing phones home: the engines' own reporting is switched off before they are imported."""

import os
import sys

OPENVINO_REPORTER = "openvino_telemetry"


def forbid() -> None:
    """Switch the reporting of ONNX Runtime and OpenVINO off for this process; call before importing them.

    ONNX Runtime (from 1.29 on, also on Linux) reads ``ORT_DISABLE_TELEMETRY`` when it is loaded: with it
    no uploader, no events and no device identifier come into being (its docs/Privacy.md).  OpenVINO sends
    an event when it is imported and falls back to a silent stub when its reporter cannot be imported.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    sys.modules.setdefault(OPENVINO_REPORTER, None)  # type: ignore[arg-type]  # None refuses the import
