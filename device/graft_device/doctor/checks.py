"""Evaluates the facts about a board: what works, what does not, and the command that fixes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graft_device.doctor.cameras import Cameras
from graft_device.doctor.outdated import floors
from graft_device.doctor.situation import Package, RuntimeState, Situation
from graft_device.runtime_packages import install_line, no_runtime
from graft_device.system.thermal import Thermal, throttling_remedy

OK, NOTE, PROBLEM = "ok", "note", "problem"

_SMALL_MEMORY_MB = 250
"""A complete int8 Inception-v3 takes about 100 MB beside the rest of the system; a float32 one takes 250 MB."""

_HOT_CELSIUS = 80.0
"""At this temperature a Raspberry Pi slows down (its documented soft limit is 60 to 85 °C, depending on the model)."""

_JOIN_VIDEO = 'sudo usermod -aG video "$USER"  # then log in again'
_APT_ARRAYS = "sudo apt install -y python3-numpy python3-pil"
_APT_PICAMERA2 = "sudo apt install -y python3-picamera2 --no-install-recommends"
_APT_PYAV = "sudo apt install -y python3-av"
_PIP_PYAV = 'python3 -m pip install "av>=15.1"'
_LIBRARIES = {
    "libopenblas.so.0": "libopenblas0",
    "libgfortran.so.5": "libgfortran5",
    "libopenjp2.so.7": "libopenjp2-7",
    "libtiff.so.6": "libtiff6",
    "libtiff.so.5": "libtiff5",
    "liblcms2.so.2": "liblcms2-2",
    "libwebp.so.7": "libwebp7",
    "libwebpdemux.so.2": "libwebpdemux2",
    "libwebpmux.so.3": "libwebpmux3",
    "libxcb.so.1": "libxcb1",
}
"""Shared libraries that wheels from piwheels need, and the Debian packages that contain them."""


@dataclass(frozen=True)
class Check:
    """The result of one check, a line of the report.

    Attributes:
        name: the part that was checked.
        state: ``OK``, ``NOTE`` or ``PROBLEM``.
        text: the facts, and what they mean.
        remedy: the shell command that fixes the problem; empty if there is none.
    """

    name: str
    state: str
    text: str
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values; programs read the remedy as ``mend``."""
        return {"name": self.name, "state": self.state, "text": self.text, "mend": self.remedy}


def run_checks(at: Situation) -> tuple[Check, ...]:
    """Checks everything, in the order of the report."""
    runtimes = [_runtime(at, name, state) for name, state in at.runtimes.items()]
    missing = [] if at.usable or any(runtime.state == PROBLEM for runtime in runtimes) else [_no_runtime(at)]
    return (
        _board(at), _system(at), _memory(at), _python(at),
        _package(at, "numpy", at.numpy), _package(at, "pillow", at.pillow),
        *runtimes, *missing, _camera(at, at.cameras), _heat(at.thermal), *_security(at),
    )  # fmt: skip


def in_environment(at: Situation, line: str) -> str:
    """An install command, preceded by creating a virtual environment if pip would refuse to work without one."""
    if at.python.venv or not at.python.managed or " -m pip " not in line:
        return line
    return f"{_new_environment(at)} && {line}"


def _new_environment(at: Situation) -> str:
    """The command that creates a virtual environment and activates it."""
    option = "--system-site-packages " if at.hardware.raspberry or at.cameras.picamera2_system else ""
    return f"python3 -m venv {option}~/graft && . ~/graft/bin/activate"


def _board(at: Situation) -> Check:
    hardware = at.hardware
    features = f" ({', '.join(hardware.features)})" if hardware.features else ""
    cpu = f"{at.python.cores} cores of {hardware.cpu or 'an unknown processor'}{features}"
    return Check("board", OK, f"{hardware.board or 'unknown model'}, {cpu}")


def _system(at: Situation) -> Check:
    machine, hardware = at.machine, at.hardware
    bits = f"{machine.bits}-bit on {machine.cpu}"
    text = f"{hardware.system or 'unknown system'}, kernel {hardware.kernel or 'unknown'}, {bits}, {at.python.libc}"
    if machine.bits == 32 and hardware.wide:  # noqa: PLR2004
        wheels = "only tflite-runtime 2.14.0" if machine.python <= (3, 11) else "no runtime"
        note = f"this system has {wheels}; the processor could run a 64-bit system, which has LiteRT"
        return Check("system", NOTE, f"{text}; {note}")
    if machine.linux and machine.glibc is None:
        return Check("system", NOTE, f"{text}; the runtimes need glibc: use Debian or a system based on it")
    return Check("system", OK, text)


def _memory(at: Situation) -> Check:
    total, free = at.hardware.memory_mb, at.hardware.free_mb
    if total is None or free is None:
        return Check("memory", OK, "unknown")
    text = f"{total:,} MB, {free:,} MB free"
    if free < _SMALL_MEMORY_MB:
        return Check("memory", NOTE, f"{text}: close other programs; int8 models need the least memory")
    return Check("memory", OK, text)


def _python(at: Situation) -> Check:
    python = at.python
    text = f"{python.version}, {at.machine.bits}-bit"
    if python.venv:
        text += ", in a virtual environment" + (" with the system's packages" if python.system_packages else "")
    if python.managed and not python.venv:
        line = _new_environment(at)
        return Check("python", NOTE, f"{text}; pip refuses to install here: use a virtual environment", line)
    return Check("python", OK, text)


def _package(at: Situation, name: str, package: Package) -> Check:
    arm32 = at.machine.bits == 32 and at.machine.cpu.startswith(("arm", "aarch64"))  # noqa: PLR2004
    requirement = '"numpy<2"' if name == "numpy" and at.machine.python <= (3, 11) else name
    line = in_environment(at, f"python3 -m pip install {requirement}")
    if arm32:
        venv = "" if at.python.system_packages else " && python3 -m venv --system-site-packages ~/graft"
        line = f"{_APT_ARRAYS}{venv}"
    if package.version is None:
        return Check(name, PROBLEM, "not installed", line)
    if package.error is not None:
        line = _library_line(package.error.what) or line
        return Check(name, PROBLEM, f"{package.version}, does not work: {package.error}", line)
    if name == "numpy" and at.runtimes["tflite-runtime"].version is not None:
        fits = not package.version.startswith(("2.", "3."))
        text = f"{package.version}, {'works with' if fits else 'too new for'} tflite-runtime"
        return Check(name, OK if fits else NOTE, text)
    return Check(name, OK, package.version)


def _security(at: Situation) -> list[Check]:
    """A note about old packages, where there are any."""
    if not at.outdated:
        return []
    names = ", ".join(f"{package} {version}" for package, version in sorted(at.outdated.items()))
    text = f"{names}: photos, streams or requests of others may use known holes in so old releases"
    if at.machine.bits == 32:  # noqa: PLR2004
        return [Check("security", NOTE, f"{text}, unless Debian fixed them", "sudo apt update && sudo apt upgrade")]
    wanted = " ".join(f'"{package}>={floors(at.machine.python)[package]}"' for package in sorted(at.outdated))
    return [Check("security", NOTE, text, in_environment(at, f"python3 -m pip install {wanted}"))]


def _library_line(error: str) -> str:
    return next((f"sudo apt install -y {package}" for library, package in _LIBRARIES.items() if library in error), "")


def _runtime(at: Situation, name: str, state: RuntimeState) -> Check:
    if state.version is None:
        available = install_line(at.machine, name) is not None
        return Check(name, OK, "not installed" if available else no_runtime(at.machine, name).what)
    if state.runs and state.error is None:
        reasons = [reason for reason in state.models.values() if reason]
        if reasons:
            return Check(name, PROBLEM, f"{state.version}, cannot open a model: {reasons[0]}")
        return Check(name, OK, f"{state.version}, runs {' and '.join(state.runs)} models")
    reason = state.error.what if state.error else "it runs nothing"
    runs = f"runs only {' and '.join(state.runs)} models" if state.runs else "does not work"
    level = NOTE if at.usable or not at.numpy.works else PROBLEM
    return Check(name, level, f"{state.version}, {runs}: {reason}", _runtime_line(at, name))


def _runtime_line(at: Situation, name: str) -> str:
    if not at.numpy.works:
        return ""
    if name == "tflite-runtime" and (at.numpy.version or "").startswith(("2.", "3.")):
        return in_environment(at, 'python3 -m pip install "numpy<2"')
    line = install_line(at.machine, name) or install_line(at.machine)
    return "" if line is None else in_environment(at, line.replace(" install ", " install --force-reinstall "))


def _no_runtime(at: Situation) -> Check:
    """Where no runtime works: the command that installs one, or the system that has one."""
    if not (at.numpy.works and at.pillow.works) and any(state.version for state in at.runtimes.values()):
        return Check("runtime", PROBLEM, "no model can run until numpy and Pillow work")
    line = install_line(at.machine)
    if line is not None:
        return Check("runtime", PROBLEM, "no working runtime is installed", in_environment(at, line))
    if at.machine.bits == 32 and at.hardware.wide:  # noqa: PLR2004
        advice = "install the 64-bit Raspberry Pi OS, which this processor can run"
    elif at.machine.bits == 32:  # noqa: PLR2004
        advice = "this processor is 32-bit only: tflite-runtime 2.14.0 runs on 32-bit Bookworm (Python 3.11, ARMv7)"
    else:
        advice = "use a Debian-based 64-bit system with Python 3.10 or later"
    return Check("runtime", PROBLEM, f"{no_runtime(at.machine).what}: {advice}")


def _camera(at: Situation, cameras: Cameras) -> Check:
    usable = [device for device in cameras.devices if device.usable]
    names = [f"{device.path} ({device.name})" for device in usable]
    attached = ", ".join(cameras.attached) or "no camera"
    parts = [f"Picamera2 {cameras.picamera2} sees {attached}"] if cameras.picamera2 else []
    parts += [f"V4L2: {', '.join(names)}"] if names else []
    text = "; ".join(parts) or "none found; only 'graft-device run' needs one"
    if cameras.picamera2_error:
        return Check("camera", NOTE, f"{text}; Picamera2 does not work: {cameras.picamera2_error}", _APT_PICAMERA2)
    if cameras.picamera2 is None and cameras.picamera2_system:
        line = "python3 -m venv --system-site-packages ~/graft"
        return Check("camera", NOTE, f"{text}; the system has Picamera2, but this Python does not see it", line)
    if cameras.picamera2 is None and at.hardware.raspberry:
        text = f"{text}; Picamera2, which reads Raspberry Pi cameras, is missing"
        return Check("camera", NOTE, text, _APT_PICAMERA2)
    if len(usable) < len(cameras.devices):
        return Check("camera", NOTE, f"{text}; this user may not open {cameras.devices[0].path}", _JOIN_VIDEO)
    if usable and not cameras.pyav:
        line = _APT_PYAV if at.machine.bits == 32 else in_environment(at, _PIP_PYAV)  # noqa: PLR2004
        return Check("camera", NOTE, f"{text}; PyAV, which reads V4L2 cameras, is not installed", line)
    return Check("camera", OK, text)


def _heat(thermal: Thermal) -> Check:
    degrees = "no sensor" if thermal.celsius is None else f"{thermal.celsius} °C"
    governor = f"governor {', '.join(thermal.governors)}" if thermal.governors else "governor unknown"
    throttling = "not throttled" if thermal.known else "throttling unknown"
    text = f"{degrees}, {throttling}, {governor}"
    flags = thermal.throttled_now or thermal.throttled_before
    if flags:
        when = "now" if thermal.throttled_now else "since the board started"
        text = f"{degrees}, throttled {when} ({', '.join(flags)}), {governor}"
        return Check("heat", NOTE, f"{text}: {throttling_remedy(set(flags))}")
    if thermal.celsius is not None and thermal.celsius >= _HOT_CELSIUS:
        return Check("heat", NOTE, f"{text}: {throttling_remedy(set())}")
    return Check("heat", OK, text)
