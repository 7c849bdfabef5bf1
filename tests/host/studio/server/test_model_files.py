"""Reports and models that the studio's server gives to browsers."""

from __future__ import annotations

from pathlib import Path

from tests.support.studio import studio
from tests.support.studio_client import entered


def test_reports_cannot_run_scripts_and_only_models_and_reports_are_given(tmp_path: Path) -> None:
    root = tmp_path / "pets"
    (root / "models").mkdir(parents=True)
    (tmp_path / "secret.html").write_text("secret")
    (root / "models" / "pets.html").write_text("<script>alert(1)</script>")
    (root / "models" / "猫 2.tflite").write_bytes(b"model")
    (root / "models" / "notes.txt").write_text("notes")
    (root / "models" / "link.html").symlink_to(tmp_path / "secret.html")
    (root / "models" / "folder.html").mkdir()
    with studio(root) as running:
        client = entered(running.address())
        report = client.ask("GET", "/models/pets.html")
        assert (report.status, report.body) == (200, b"<script>alert(1)</script>")
        policy = report.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "sandbox" in policy
        assert not {"script-src", "allow-scripts", "allow-same-origin"} & {*policy.replace(";", " ").split()}
        model = client.ask("GET", "/models/%E7%8C%AB%202.tflite")
        assert (model.status, model.body) == (200, b"model")
        assert model.headers["content-disposition"].startswith("attachment")
        for name in ("link.html", "notes.txt", "folder.html", "none.html", "..%2Fstudio.toml", "%00.html", ".."):
            assert client.ask("GET", f"/models/{name}").status == 404, name
        assert client.ask("GET", "/models/pets.html", headers={"Cookie": "x=y"}).status == 401
        assert [line for line in running.said if "unexpected" in line] == []
