"""Board files that have every table and nearly every key."""

from __future__ import annotations

SMALL = """\
[[model]]
name = "pets"
file = "pets.tflite"

[[source]]
place = "/dev/video0"
"""

FULL = """\
#:schema ./board.schema.json
# A board with everything.
top-k = 2
confirm = "3/5"
hold = 1.5

[[model]]
name = "pets"
file = "pets.tflite"

[[model]]
name = "parts"
file = "/srv/models/store"
runtime = "litert"
threads = 2

[[source]]
name = "door"
place = "rtsp://cam.lan/stream1"
every = 0.5
on-motion = 0.3
at-least-every = 60
mask = [
  "0,0,0.3,0.1",
  "0,0,1,0,1,1",  # a triangle
]
model = "pets"
threshold = 0.4

[[source.region]]
name = "bowl"
roi = "0.5,0.5,0.25,0.3"
clear-after = 10
models = ["pets", "parts"]

[[source.region]]
name = "flap"
roi = "10,20,300,200"
confirm = 2

[[source]]
name = "bench"
place = "picamera2"
fps = 4
size = "1280x720"
model = "parts"
hold = 3
on-motion = true

[[source]]
places = ["a.jpg", "photos/b.jpg"]
model = "parts"

[[sink]]
kind = "webhook"
name = "phone"
url = "https://example.org/hook"
secret-file = "secret"

[[sink]]
kind = "exec"
name = "feeder"
command = ["./feed", "cat"]

[[sink]]
kind = "gpio"
name = "lamp"
pin = 17
seconds = 2.5

[[sink]]
kind = "mqtt"
name = "home"
url = "mqtts://graft@broker.local/door"
queue = "queue"
binary-sensors = ["cat"]

[[sink]]
kind = "apprise"
name = "mail"
url-file = "urls"

[[rule]]
sinks = ["phone", "mail"]
labels = ["cat"]
sources = ["door"]
regions = ["bowl"]
models = ["pets"]
kinds = ["enter", "leave"]
min-score = 0.8
after = "22:00"
until = "06:00"
weekdays = ["sat", "sun"]
at-most-every = 60

[http]
listen = "[::]:8080"
token-file = "token"
viewers = 2
hosts = ["board.example.org"]

[events]
folder = "events"
max-mb = 100
days = 7
pictures = ["cat"]

[uncertain]
folder = "/var/lib/graft/uncertain"
below = 0.7

[capture]
folder = "captured"
max-mb = 200
"""
