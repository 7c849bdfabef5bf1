// The camera of the device that looks at the page.

const LONGEST = 1280; // pixels of a photo's longer side
const QUALITY = 0.92;

/** Why there is no camera: the name of a text of the page. */
export class NoCamera extends Error {}

export class Camera {
  #stream = null;
  #asked = 0; // counts what was asked for: of two answers the newest is right
  #ended;

  /** `ended` is called when the camera goes away by itself. */
  constructor(ended) {
    this.#ended = ended;
    this.video = document.createElement('video');
    this.video.muted = true;
    this.video.playsInline = true;
    this.video.tabIndex = -1;
  }

  get on() {
    return this.#stream !== null;
  }

  /** The id of the camera that is on. */
  get device() {
    return this.#stream?.getVideoTracks()[0].getSettings().deviceId ?? '';
  }

  /** Turns a camera on, unless it is turned off meanwhile; raises NoCamera. */
  async open(device = '') {
    if (!navigator.mediaDevices?.getUserMedia) throw new NoCamera(isSecureContext ? 'camera_none' : 'camera_insecure');
    this.close();
    const asked = this.#asked;
    const video = {width: {ideal: LONGEST}, height: {ideal: 720}, ...(device ? {deviceId: {exact: device}} : {})};
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({video, audio: false});
    } catch (error) {
      if (asked !== this.#asked) return;
      throw new NoCamera(reasonOf(error), {cause: error});
    }
    if (asked !== this.#asked) { // it was turned off, or another one was chosen, before a person allowed this one
      for (const track of stream.getTracks()) track.stop();
      return;
    }
    this.#stream = stream;
    const [track] = stream.getVideoTracks();
    track.onended = () => {
      this.close();
      this.#ended();
    };
    this.video.srcObject = this.#stream;
    this.video.classList.toggle('mirrored', isFront(track));
    await this.play();
  }

  /** Plays the preview, also after it was moved on the page. */
  async play() {
    await this.video.play().catch(() => {}); // it was moved again, or closed
  }

  close() {
    this.#asked += 1;
    for (const track of this.#stream?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    this.#stream = null;
    this.video.srcObject = null;
  }

  /** All cameras as [id, name]; without names before one was turned on. */
  async all() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.filter(({kind, deviceId}) => kind === 'videoinput' && deviceId).map(({deviceId, label}) => [deviceId, label]);
  }

  /** What the camera sees, not mirrored, as a JPEG; null while it shows nothing. */
  async photo() {
    const {videoWidth, videoHeight} = this.video;
    if (!videoWidth || !this.on) return null;
    const scale = Math.min(1, LONGEST / Math.max(videoWidth, videoHeight));
    const canvas = document.createElement('canvas');
    canvas.width = Math.round(videoWidth * scale);
    canvas.height = Math.round(videoHeight * scale);
    canvas.getContext('2d', {alpha: false}).drawImage(this.video, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => { canvas.toBlob(resolve, 'image/jpeg', QUALITY); });
  }
}

/** Whether people see themselves in a camera: one that does not look away from them. */
function isFront(track) {
  const {facingMode} = track.getSettings();
  return facingMode ? facingMode === 'user' : !/\b(back|rear|environment)\b/i.test(track.label);
}

function reasonOf({name}) {
  if (name === 'NotAllowedError' || name === 'SecurityError') return isSecureContext ? 'camera_forbidden' : 'camera_insecure';
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'camera_none';
  return 'camera_busy';
}
