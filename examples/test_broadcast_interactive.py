#!/usr/bin/env python3
"""Asks a running altavoz for every kind of interactive broadcast and checks each answer.

    go run ./cmd/altavoz up                                   # in another terminal
    python3 examples/test_broadcast_interactive.py [URL]

URL is http://127.0.0.1:8080, or what ALTAVOZ_URL says; ALTAVOZ_API_KEY is sent when it is set. Only the standard
library is used. Ends with exit code 1 at the first wrong answer.

Every request really sends: point it at a server that talks to the simulator (as `up` does), not at your customers.
"""

import base64
import json
import os
import random
import struct
import sys
import time
import urllib.error
import urllib.request
import zlib

URL = (sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ALTAVOZ_URL", "http://127.0.0.1:8080")).rstrip("/")
API_KEY = os.environ.get("ALTAVOZ_API_KEY", "")
# A host that can never be reached (RFC 2606): altavoz cannot fetch the image itself and passes the link on.
IMAGE_URL = os.environ.get("ALTAVOZ_IMAGE_URL", "https://imagenes.tienda.invalid/promo.png")

SEND = "/api/messages/send-broadcast-interactive"
STATUS = "/api/messages/task-status/"
HTTP_TIMEOUT = 40  # seconds; a direct broadcast is answered after 25 at the latest
TASK_TIMEOUT = 60  # seconds that a queued broadcast may take here
POLL_EVERY = 0.3  # seconds


def call(method, path, body=None):
    """Makes one request; body is an object or the bytes to send. Returns the code and the decoded answer."""
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data=body, method=method)
    request.add_header("Content-Type", "application/json")
    if API_KEY:
        request.add_header("Authorization", "Bearer " + API_KEY)
    try:
        with urllib.request.urlopen(request, timeout=HTTP_TIMEOUT) as answer:
            code, raw = answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        code, raw = refusal.code, refusal.read()
    except OSError as err:
        stop(f"{URL} does not answer ({err}); start it with: go run ./cmd/altavoz up")
    try:
        return code, json.loads(raw)
    except ValueError:
        stop(f"{method} {path}: answer {code} is not JSON: {raw[:200]!r}")


def stop(why):
    print("  WRONG:", why)
    sys.exit(1)


def want(what, got, wanted):
    if got != wanted:
        stop(f"{what} is\n    {json.dumps(got, ensure_ascii=False)}\n  and should be\n    {json.dumps(wanted, ensure_ascii=False)}")


def phones(count):
    """New numbers each time, because one phone takes a message every six seconds. No operator has 57399, and to the
    simulator those that end in 77 are ordinary phones."""
    return [f"57399{n:05d}77" for n in random.sample(range(100000), count)]


def png(width=64, height=64):
    """A small green picture, made by hand."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\x00" + b"\x25\xd3\x66" * width) * height
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def send_direct(title, broadcast, successful, errors=()):
    print(f"\n== {title}")
    print("  to", ", ".join(str(phone) for phone in broadcast["phones"]))
    code, answer = call("POST", SEND, broadcast)
    want("the code", code, 200)
    result = answer.get("result", {})
    want("success", answer.get("success"), True)
    want("message", answer.get("message"), "Mensaje broadcast procesado")
    want("total", result.get("total"), len(broadcast["phones"]))
    want("successful", result.get("successful"), successful)
    want("failed", result.get("failed"), len(broadcast["phones"]) - successful)
    want("errors", result.get("errors"), list(errors))
    print(f"  200 {answer['message']}: {result['successful']} sent, {result['failed']} failed")
    for error in result["errors"]:
        print("     ", error)


def minimal():
    send_direct("minimal: phones and a text", {"phones": phones(1), "body_text": "Hola desde altavoz"}, 1)


def text_header():
    send_direct(
        "text header, footer and a button",
        {
            "phones": phones(3),
            "header_type": "text",
            "header_content": "Promoción especial",
            "body_text": "20 % de descuento en toda la tienda, hoy.",
            "button_text": "Ver ofertas",
            "button_url": "https://example.com/ofertas",
            "footer_text": "Válido hasta las 20:00",
        },
        3,
    )


def image_by_url():
    print("\n(the image:", IMAGE_URL + ")", end="")
    send_direct(
        "image by URL",
        {"phones": phones(2), "header_type": "image", "header_content": IMAGE_URL, "body_text": "Mira esta imagen"},
        2,
    )


def image_by_base64():
    data = "data:image/png;base64," + base64.b64encode(png()).decode()
    send_direct(
        f"image by base64 ({len(data)} characters)",
        {"phones": phones(2), "header_type": "image", "header_content": data, "body_text": "Una imagen en línea"},
        2,
    )


def one_bad_phone():
    bad = "123"
    send_direct(
        "one phone of three is none: the others get it",
        {"phones": phones(2) + [bad], "body_text": "Hola"},
        2,
        [f"Error para {bad}: Invalid phone number format: le faltan dígitos"],
    )


def refusals():
    print("\n== what is wrong is refused, and nothing is sent")
    good = {"phones": ["573001234577"], "body_text": "Hola"}
    cases = [
        ("no phones", {"body_text": "Hola"}, "Se requiere el campo 'phones' con un array de números telefónicos"),
        ("phones is no list", {**good, "phones": "573001234577"}, "Se requiere el campo 'phones' con un array de números telefónicos"),
        ("no phones in the list", {**good, "phones": []}, "Se requiere el campo 'phones' con un array de números telefónicos"),
        ("no text", {"phones": good["phones"]}, "Se requiere el campo 'body_text'"),
        ("a text that is too long", {**good, "body_text": "a" * 1025}, None),
        ("an unknown kind of header", {**good, "header_type": "sticker", "header_content": "x"}, None),
        ("a button that is a script", {**good, "button_url": "javascript:alert(1)"}, None),
        ("base64 that is none", {**good, "header_type": "image", "header_content": "data:image/png;base64,@@@"}, None),
        ("a text that says it is a picture", {**good, "header_type": "image", "header_content": "data:image/png;base64,SG9sYQ=="}, None),
        ("not JSON", b'{"phones": [', None),
    ]
    for title, body, error in cases:
        code, answer = call("POST", SEND, body)
        want(f"{title}: the code", code, 400)
        if not isinstance(answer.get("error"), str) or not answer["error"]:
            stop(f"{title}: there is no error text in {answer}")
        if error:
            want(f"{title}: the error", answer["error"], error)
        print(f"  400 {title}: {answer['error']}")

    code, answer = call("GET", STATUS + "00000000-0000-4000-8000-000000000000")
    want("an unknown task: the code", code, 404)
    print(f"  404 an unknown task: {answer.get('error')}")


def queued():
    print("\n== queued, followed by task-status")
    to = phones(25)
    code, answer = call("POST", SEND, {"phones": to, "body_text": "En cola", "use_queue": True})
    want("the code", code, 202)
    want("success", answer.get("success"), True)
    want("message", answer.get("message"), "Mensaje broadcast enviado a cola")
    task = answer.get("task_id")
    print(f"  202 {answer['message']}: task {task}")

    seen, deadline = None, time.monotonic() + TASK_TIMEOUT
    while True:
        code, answer = call("GET", STATUS + str(task))
        want("the code of task-status", code, 200)
        want("task_id", answer.get("task_id"), task)
        status, result = answer.get("status"), answer.get("result")
        if (status, result) != seen:
            seen = (status, result)
            print("  200", status, json.dumps(result, ensure_ascii=False) if result else "")
        if result and result["successful"] + result["failed"] + result.get("pending", 0) != len(to):
            stop(f"the numbers do not add up to {len(to)}: {result}")
        if status not in ("PENDING", "STARTED"):
            break
        if time.monotonic() > deadline:
            stop(f"not finished after {TASK_TIMEOUT} s")
        time.sleep(POLL_EVERY)
    want("status", status, "SUCCESS")
    want("the numbers", [result["total"], result["successful"], result["failed"], result["errors"]], [len(to), len(to), 0, []])


def main():
    print("altavoz at", URL)
    for example in (minimal, text_header, image_by_url, image_by_base64, one_bad_phone, refusals, queued):
        example()
    print("\nAll answers are right.")


if __name__ == "__main__":
    main()
