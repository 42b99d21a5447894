"""Nothing phones home: the reporting of libraries is switched off before they are imported."""

import os
import sys

OPENVINO_REPORTER = "openvino_telemetry"


def forbid() -> None:
    """Switch the reporting of ONNX Runtime, OpenVINO and FastAPI off in this process; call it first.

    ONNX Runtime (from 1.29 on, also on Linux) reads ``ORT_DISABLE_TELEMETRY`` when it is loaded: with it
    no uploader, no events and no device identifier come into being (its docs/Privacy.md).  OpenVINO sends
    an event when it is imported and falls back to a silent stub when its reporter cannot be imported.
    FastAPI sends traces, with the values of requests in them, to whatever address the environment names
    when ``FASTAPI_OTEL_AUTO_CONFIGURE`` is true.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    os.environ["FASTAPI_OTEL_AUTO_CONFIGURE"] = "false"
    sys.modules.setdefault(OPENVINO_REPORTER, None)  # type: ignore[arg-type]  # None refuses the import
