// The viewer's own camera: one frame after the other, each when the one before has been answered.

const SIDE = 640; // pixels of a frame's longer side; a network sees 299 at the most
const PAUSE = 60; // milliseconds between two frames at the least

export class Camera {
  /** `video` shows the picture; `look(frame)` is awaited for each frame; `ended(reason)` is called when it goes away. */
  constructor(video, look, ended) {
    this.video = video;
    this.look = look;
    this.ended = ended;
    this.facing = 'environment';
    this.stream = null;
  }

  get on() {
    return this.stream !== null;
  }

  /** Opens the camera; throws an Error whose message is the reason. */
  async start() {
    if (!navigator.mediaDevices?.getUserMedia) throw new Error(noCameras());
    let stream;
    try {
      const video = {facingMode: {ideal: this.facing}, width: {ideal: 1280}, height: {ideal: 720}};
      stream = await navigator.mediaDevices.getUserMedia({video, audio: false});
    } catch (error) {
      throw new Error(reason(error));
    }
    this.stop();
    this.stream = stream;
    this.video.srcObject = stream;
    stream.getVideoTracks()[0].onended = () => {
      if (this.stream !== stream) return;
      this.stop();
      this.ended('The camera went away.');
    };
    await this.video.play().catch(() => {});
    this.run(stream);
  }

  stop() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
  }

  /** Uses the camera on the other side. */
  async turn() {
    this.facing = this.facing === 'environment' ? 'user' : 'environment';
    this.stop(); // phones open one at a time
    await this.start();
  }

  /** How many cameras there are; known once one of them has been allowed. */
  async count() {
    const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    return devices.filter((device) => device.kind === 'videoinput').length;
  }

  async run(stream) {
    const canvas = document.createElement('canvas');
    while (this.stream === stream) {
      const frame = document.hidden ? null : await this.frame(canvas);
      if (frame && this.stream === stream) await this.look(frame);
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
  if (window.isSecureContext) return 'This browser gives no page a camera. Choose a photo instead.';
  const port = location.port || '80';
  return `Browsers give a camera only to https pages and to localhost. Run ssh -L ${port}:localhost:${port} ${location.hostname} `
    + `on this computer and open http://localhost:${port}, or choose a photo instead.`;
}

function reason(error) {
  switch (error.name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'The camera is not allowed here. Allow it in the browser’s settings of this page, or choose a photo instead.';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'No camera was found. Choose a photo instead.';
    case 'NotReadableError':
    case 'AbortError':
      return 'The camera cannot be opened: another program may be using it.';
    default:
      return `The camera cannot be opened (${error.name}).`;
  }
}
