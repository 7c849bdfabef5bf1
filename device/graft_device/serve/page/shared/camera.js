// The viewer's camera: sends one frame at a time, the next one when the last has been answered.
// Its errors have a `code` beside their English text, for pages in other languages.

const SIDE = 640; // pixels of a frame's longer side; a network uses 299 at most
const PAUSE = 60; // the shortest time between two frames, in milliseconds

export class Camera {
  /** `video` shows the frames; `handle(frame)` is awaited for each one; `ended(reason, code)` is called on disconnection. */
  constructor(video, handle, ended) {
    this.video = video;
    this.handle = handle;
    this.ended = ended;
    this.facing = 'environment';
    this.stream = null;
    this.held = false; // while it is true, no frames are taken
  }

  get on() {
    return this.stream !== null;
  }

  /** Opens the camera; throws an Error whose message is the reason, and whose `code` is a word for it. */
  async start() {
    if (!navigator.mediaDevices?.getUserMedia) throw failure(noCameras(), window.isSecureContext ? 'unsupported' : 'insecure');
    let stream;
    try {
      const video = {facingMode: {ideal: this.facing}, width: {ideal: 1280}, height: {ideal: 720}};
      stream = await navigator.mediaDevices.getUserMedia({video, audio: false});
    } catch (error) {
      throw failure(...reason(error));
    }
    this.stop();
    this.stream = stream;
    this.video.srcObject = stream;
    stream.getVideoTracks()[0].onended = () => {
      if (this.stream !== stream) return;
      this.stop();
      this.ended('The camera was disconnected.', 'disconnected');
    };
    await this.video.play().catch(() => {});
    this.run(stream);
  }

  stop() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
  }

  /** Switches to the camera on the phone's other side. */
  async turn() {
    this.facing = this.facing === 'environment' ? 'user' : 'environment';
    this.stop(); // phones open only one camera at a time
    await this.start();
  }

  /** The number of cameras; known once the viewer has allowed one of them. */
  async count() {
    const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    return devices.filter((device) => device.kind === 'videoinput').length;
  }

  async run(stream) {
    const canvas = document.createElement('canvas');
    while (this.stream === stream) {
      const frame = document.hidden || this.held ? null : await this.frame(canvas);
      if (frame && this.stream === stream) await this.handle(frame);
      await new Promise((resolve) => setTimeout(resolve, frame ? PAUSE : 250));
    }
  }

  frame(canvas) {
    const {videoWidth: width, videoHeight: height} = this.video;
    if (!width || !height) return null;
    const scale = Math.min(1, SIDE / Math.max(width, height));
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.getContext('2d').drawImage(this.video, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.85));
  }
}

function noCameras() {
  if (window.isSecureContext) return 'This browser does not let pages use a camera. Choose a photo instead.';
  const port = location.port || '80';
  return `Browsers let only https pages and localhost use a camera. Run ssh -L ${port}:localhost:${port} ${location.hostname} `
    + `on this computer and open http://localhost:${port}, or choose a photo instead.`;
}

function failure(text, code) {
  return Object.assign(new Error(text), {code});
}

function reason(error) {
  switch (error.name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return ['This page may not use the camera. Allow it in the browser’s settings for this page, or choose a photo instead.', 'refused'];
    case 'NotFoundError':
    case 'OverconstrainedError':
      return ['No camera was found. Choose a photo instead.', 'missing'];
    case 'NotReadableError':
    case 'AbortError':
      return ['The camera cannot be opened: another program may be using it.', 'busy'];
    default:
      return [`The camera cannot be opened (${error.name}).`, 'failed'];
  }
}
