"""A small S3 endpoint that misbehaves on demand: what moto and rclone are too honest, or too careless, to do.

It speaks real HTTP from a thread of the test: PutObject, multipart uploads, GetObject with Range, HeadObject,
DeleteObject and ListObjectsV2, in one bucket, without checking signatures. Tests set its attributes to make it lie.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from dr.configuration.model import StoreSettings
from dr.secret import Secret
from tests.endpoints.serving import Endpoint

BUCKET = "bucket"
_MODIFIED = "Mon, 01 Jan 2024 02:00:00 GMT"


@dataclass
class Lies:
    """How it misbehaves. Counts are of requests; they run down to 0."""

    checksum: str = "none"
    """Given back for stored bytes: ``none``, ``right`` or ``wrong``."""
    composite: str = "none"
    """Given back for a completed upload, over its parts' checksums: ``none``, ``right`` or ``wrong``."""
    parts_wait_for: threading.Event | None = None
    """Parts are taken once this is set."""
    knows_settings: bool = True
    """False: the bucket's versioning and object lock are answered with 501."""
    lost_bytes: int = 0
    """Bytes that are missing at the end of what a PutObject or a completed upload stores."""
    slow_down: int = 0
    """Requests answered with 503 SlowDown first."""
    always: tuple[int, str] | None = None
    """Status and code that every request is answered with."""
    cut_gets: int = 0
    """GetObject answers that end after ``cut_after`` bytes of the body, with the connection."""
    cut_after: int = 0
    lost_answers: int = 0
    """PUTs and completions that are carried out, and answered by closing the connection."""
    refuse_aborts: bool = False
    locked: str = ""
    """Objects whose keys hold this text cannot be deleted, as an object lock or a policy has it."""
    conditions: str = "honoured"
    """If-None-Match and If-Match are ``honoured``, ``ignored``, ``unknown`` (501) or always a ``conflict`` (409)."""
    ranges: bool = True
    listing: str = "honest"
    """``honest``, ``unordered``, or ``cut`` (truncated, without a word on how to go on)."""
    storage_class: str = ""
    """What HEAD says, with ``restore`` as its Restore header."""
    restore: str = ""


@dataclass
class _State:
    lies: Lies = field(default_factory=Lies)
    objects: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    upload_keys: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)


class LyingEndpoint:
    """The endpoint; ``lies`` is what tests change, ``objects`` and ``uploads`` what it holds."""

    def __init__(self) -> None:
        self._state = _State()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": self._state}))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.endpoint = Endpoint(
            f"http://127.0.0.1:{self._server.server_port}", "anybody", Secret(secrets.token_hex(16))
        )

    @property
    def lies(self) -> Lies:
        return self._state.lies

    @property
    def objects(self) -> dict[str, bytes]:
        return self._state.objects

    @property
    def uploads(self) -> dict[str, dict[int, bytes]]:
        return self._state.uploads

    def count(self, *methods: str, path: str = "") -> int:
        """Requests that came with one of ``methods``, for what has ``path`` in its path."""
        return sum(1 for method, asked in self._state.requests if method in methods and path in asked)

    def settings(self, **changes: Any) -> StoreSettings:
        """A store in its one bucket."""
        return self.endpoint.settings(BUCKET, **changes)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that give up are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: _State

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""

    def do_GET(self) -> None:
        if self._begin():
            return
        if "uploads" in self.query:
            self._list_uploads()
        elif not self.lies.knows_settings and self.query.keys() & {"versioning", "object-lock", "versions"}:
            self._error(501, "NotImplemented")
        elif not self.key:
            self._list()
        elif self.key not in self.state.objects:
            self._error(404, "NoSuchKey")
        elif self.lies.conditions == "honoured" and self._is_another(self.headers.get("If-Match")):
            self._error(412, "PreconditionFailed")
        else:
            self._get(self.state.objects[self.key])

    def do_HEAD(self) -> None:
        if self._begin():
            return
        if self.key and self.key not in self.state.objects:
            self._answer(404)
            return
        data = self.state.objects.get(self.key, b"")
        extra = {"x-amz-storage-class": self.lies.storage_class, "x-amz-restore": self.lies.restore}
        self._answer(200, {name: value for name, value in extra.items() if value} | self._about(data), length=len(data))

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self._begin() or self._is_refused():
            return
        if "partNumber" in self.query:
            upload = self.state.uploads.get(self.query["uploadId"])
            if upload is None:
                self._error(404, "NoSuchUpload")
                return
            if self.lies.parts_wait_for is not None:
                self.lies.parts_wait_for.wait(60)
            upload[int(self.query["partNumber"])] = data
        else:
            self._store(data)
        if not self._loses_answer():
            self._answer(200, {"ETag": _etag(data)} | self._checksum(data))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self._begin():
            return
        if "uploads" in self.query:
            upload = secrets.token_hex(8)
            self.state.uploads[upload] = {}
            self.state.upload_keys[upload] = self.key
            self._xml("InitiateMultipartUploadResult", f"<UploadId>{upload}</UploadId>")
            return
        parts = self.state.uploads.pop(self.query["uploadId"], None)
        if parts is None or not body:
            self._error(404, "NoSuchUpload")
            return
        self._store(b"".join(parts[number] for number in sorted(parts)), _multipart_etag(parts))
        if not self._loses_answer():
            etag = f"<ETag>{escape(_multipart_etag(parts))}</ETag>"
            self._xml("CompleteMultipartUploadResult", etag + self._composite(parts))

    def do_DELETE(self) -> None:
        if self._begin():
            return
        if "uploadId" in self.query and self.lies.refuse_aborts:
            self._error(403, "AccessDenied")
            return
        if self.lies.locked and self.lies.locked in self.key:
            self._error(403, "AccessDenied")
            return
        if "uploadId" in self.query:
            self.state.uploads.pop(self.query["uploadId"], None)
        else:
            self.state.objects.pop(self.key, None)
        self._answer(204)

    @property
    def lies(self) -> Lies:
        return self.state.lies

    def _begin(self) -> bool:
        """Parse the address and count the request. True when it has been answered with a lie already."""
        parts = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        self.key = unquote(parts.path).removeprefix(f"/{BUCKET}").lstrip("/")
        with self.state.lock:
            self.state.requests.append((self.command, self.path))
            if self.lies.slow_down > 0:
                self.lies.slow_down -= 1
                self._error(503, "SlowDown")
                return True
        if self.lies.always:
            self._error(*self.lies.always)
            return True
        return False

    def _is_refused(self) -> bool:
        if self.headers.get("If-None-Match") != "*" or self.lies.conditions == "ignored":
            return False
        if self.lies.conditions == "unknown":
            self._error(501, "NotImplemented")
        elif self.lies.conditions == "conflict" and not self.key.startswith(".probe/"):
            self._error(409, "ConditionalRequestConflict")
        elif self.key in self.state.objects:
            self._error(412, "PreconditionFailed")
        else:
            return False
        return True

    def _store(self, data: bytes, etag: str = "") -> None:
        self.state.objects[self.key] = data[: len(data) - self.lies.lost_bytes]
        self.state.etags[self.key] = etag or _etag(data)

    def _loses_answer(self) -> bool:
        with self.state.lock:
            if self.lies.lost_answers == 0 or self.key.startswith(".probe/") or "partNumber" in self.query:
                return False
            self.lies.lost_answers -= 1
        self.close_connection = True
        return True

    def _about(self, data: bytes) -> dict[str, str]:
        return {"ETag": self.state.etags.get(self.key, _etag(data)), "Last-Modified": _MODIFIED}

    def _get(self, data: bytes) -> None:
        first = 0
        headers = self._about(data)
        asked = self.headers.get("Range")
        if asked and self.lies.ranges:
            first = int(asked.removeprefix("bytes=").rstrip("-"))
            headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
        with self.state.lock:
            is_cut = self.lies.cut_gets > 0
            self.lies.cut_gets -= is_cut
        body = data[first:]
        self._answer(206 if first else 200, headers, body[: self.lies.cut_after] if is_cut else body, length=len(body))
        self.close_connection = self.close_connection or is_cut

    def _list(self) -> None:
        keys = sorted(key for key in self.state.objects if key.startswith(self.query.get("prefix", "")))
        if self.lies.listing == "unordered":
            keys.reverse()
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.state.objects[key])}</Size>"
            f"<LastModified>2024-01-01T02:00:00.000Z</LastModified></Contents>"
            for key in keys
        )
        truncated = "true" if self.lies.listing == "cut" else "false"
        self._xml("ListBucketResult", f"<IsTruncated>{truncated}</IsTruncated>{entries}")

    def _list_uploads(self) -> None:
        """One to a page."""
        uploads = sorted(self.state.uploads, key=lambda upload: (self.state.upload_keys[upload], upload))
        after = self.query.get("upload-id-marker")
        if after in uploads and self.lies.listing == "honest":
            uploads = uploads[uploads.index(after) + 1 :]
        entries = "".join(
            f"<Upload><Key>{escape(self.state.upload_keys[upload])}</Key><UploadId>{upload}</UploadId>"
            "<Initiated>2024-01-01T02:00:00.000Z</Initiated></Upload>"
            f"<NextKeyMarker>{escape(self.state.upload_keys[upload])}</NextKeyMarker>"
            f"<NextUploadIdMarker>{upload}</NextUploadIdMarker>"
            for upload in uploads[:1]
        )
        truncated = "true" if len(uploads) > 1 else "false"
        self._xml("ListMultipartUploadsResult", f"<IsTruncated>{truncated}</IsTruncated>{entries}")

    def _is_another(self, etag: str | None) -> bool:
        return etag is not None and etag != self._about(self.state.objects[self.key])["ETag"]

    def _composite(self, parts: dict[int, bytes]) -> str:
        if self.lies.composite == "none":
            return ""
        digests = b"".join(hashlib.sha256(parts[number]).digest() for number in sorted(parts))
        digest = hashlib.sha256(digests if self.lies.composite == "right" else digests[32:]).digest()
        return f"<ChecksumSHA256>{base64.b64encode(digest).decode()}-{len(parts)}</ChecksumSHA256>"

    def _checksum(self, data: bytes) -> dict[str, str]:
        if self.lies.checksum == "none":
            return {}
        digest = hashlib.sha256(data if self.lies.checksum == "right" else data + b"!").digest()
        return {"x-amz-checksum-sha256": base64.b64encode(digest).decode()}

    def _xml(self, root: str, content: str) -> None:
        self._answer(200, {"Content-Type": "application/xml"}, f"<{root}>{content}</{root}>".encode())

    def _error(self, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>".encode()
        self._answer(status, {"Content-Type": "application/xml"}, body)

    def _answer(
        self, status: int, headers: dict[str, str] | None = None, body: bytes = b"", length: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


def _multipart_etag(parts: dict[int, bytes]) -> str:
    digests = b"".join(hashlib.md5(parts[number], usedforsecurity=False).digest() for number in sorted(parts))
    return f'"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"'
