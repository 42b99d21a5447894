"""A machine with the network cable out: with this folder on PYTHONPATH, no Python process gets out.

Connections, datagrams and name look-ups that are not for this machine are refused, and written into the
file that ``PULLED_CABLE_RECORD`` names; so is an engine that is imported before its reporting was off.
An audit hook sees all of Python, threads and child processes included, and nothing takes it away again.
"""

import ipaddress
import os
import socket
import sys
from pathlib import Path

ENGINES = frozenset({"onnxruntime", "openvino"})
REPORTER = "openvino_telemetry"
DESTINATION = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1}
NAME = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})


def watch(event: str, arguments: tuple) -> None:
    if event in DESTINATION:
        connection, address = arguments[0], arguments[DESTINATION[event]]
        if connection.family in {socket.AF_INET, socket.AF_INET6} and address and not is_here(address[0]):
            refuse(f"{event} {address}")
    elif event in NAME and not is_here(arguments[0]):
        refuse(f"{event} {arguments[0]}")
    elif event == "import":
        watch_import(arguments[0])


def watch_import(module: str) -> None:
    if module in ENGINES and not is_silent():
        record(f"import {module} before its reporting was off")


def is_silent() -> bool:
    no_reporter = REPORTER in sys.modules and sys.modules[REPORTER] is None
    return no_reporter and os.environ.get("ORT_DISABLE_TELEMETRY") == "1"


def is_here(host: object) -> bool:
    if isinstance(host, bytes | bytearray):
        host = bytes(host).decode("ascii", "replace")
    if host in {None, "", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


def refuse(what: str) -> None:
    record(what)
    raise PermissionError(f"the cable is out: {what}")


def record(what: str) -> None:
    with Path(os.environ["PULLED_CABLE_RECORD"]).open("a", encoding="utf-8") as file:
        file.write(what + "\n")


sys.addaudithook(watch)
