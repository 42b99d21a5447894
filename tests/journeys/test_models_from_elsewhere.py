"""The example of docs/models-from-elsewhere.md, as it stands there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from journeys.conftest import andon, must

from andon.errors import ParityFailed

PAGE = Path(__file__).parents[2] / "docs" / "models-from-elsewhere.md"


def run(line: str) -> None:
    program, *arguments = shlex.split(line)
    if program == "andon":
        must(andon(*arguments))
        return
    assert program == "python", line
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_example_does_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.S | re.M)
    files = {"python": "train_elsewhere.py", "toml": "brackets.toml"}
    monkeypatch.chdir(tmp_path)
    for language, text in blocks:
        if language in files:
            Path(files[language]).write_text(text)
    for language, text in blocks:
        for line in text.splitlines() if language == "sh" else ():
            run(line)
    model = must(andon("models", "show", "latest", "--json")).json()
    assert model["family"] == "imported" and model["manifest"]["origin"]["file"] == "brackets.onnx"
    assert "expected" in Path("brackets.toml").read_text()
    wrong = Path("wrong.toml")
    for right, mistake in (('"bgr"', '"rgb"'), ("mean = [0.5, 0.5, 0.5]", "mean = [0.0, 0.0, 0.0]")):
        wrong.write_text(Path("brackets.toml").read_text().replace(right, mistake))
        arguments = ("models", "import", "brackets.onnx", "--manifest", wrong, "--dataset", "brackets")
        assert isinstance(andon(*arguments).error, ParityFailed), mistake
