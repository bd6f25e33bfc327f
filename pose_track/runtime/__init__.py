import sys

# OpenVINO tells its makers over the network that it is imported, unless it finds this package missing.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
