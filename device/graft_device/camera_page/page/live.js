// The live picture of a source: connected only while it is in view, and connected again after growing waits.

import {parts} from './multipart.js';
import {onVisible, pause} from './schedule.js';
import {request} from './shared/server.js';

const FIRST_WAIT = 1; // seconds
const LONGEST_WAIT = 30;
const AT_ONCE = 4; // a browser opens six connections to a server, and events need some

let open = 0;

export class Live {
  /** `canvas` shows the pictures; `shown(answers)` is called for each one, and `ended(problem)` when none comes. */
  constructor(id, canvas, shown, ended) {
    this.id = id;
    this.canvas = canvas;
    this.shown = shown;
    this.ended = ended;
    this.paused = false;
    this.visible = false;
    this.connection = null;
    this.leave = onVisible(canvas, (visible) => {
      this.visible = visible;
      this.update();
    });
  }

  /** Stops at the last picture, or goes on. */
  pause(paused) {
    this.paused = paused;
    this.update();
  }

  /** Connects again at once, if a picture is wanted. */
  retry() {
    this.connection?.abort();
    this.connection = null;
    this.update();
  }

  close() {
    this.leave();
    this.connection?.abort();
    this.connection = null;
  }

  update() {
    const wanted = this.visible && !this.paused;
    if (wanted && !this.connection) {
      this.connection = new AbortController();
      this.run(this.connection.signal);
    } else if (!wanted) {
      this.connection?.abort();
      this.connection = null;
    }
  }

  async run(signal) {
    let wait = FIRST_WAIT;
    while (!signal.aborted) {
      if (open >= AT_ONCE) {
        this.ended({status: 0, full: true});
        await pause(FIRST_WAIT, signal);
        continue;
      }
      open += 1;
      let problem = null;
      try {
        const {content} = await request(`v1/live/${encodeURIComponent(this.id)}`, {signal}, (response) => response);
        for await (const part of parts(content.body)) {
          await this.show(part, signal);
          wait = FIRST_WAIT;
        }
      } catch (error) {
        problem = error;
      } finally {
        open -= 1;
      }
      if (signal.aborted) return;
      this.ended(problem);
      await pause(Math.max(wait, problem?.wait ?? 0), signal);
      wait = Math.min(2 * wait, LONGEST_WAIT);
    }
  }

  async show({headers, body}, signal) {
    const picture = await createImageBitmap(new Blob([body], {type: 'image/jpeg'})).catch(() => null); // damaged: the next comes
    if (signal.aborted || !picture) return;
    if (this.canvas.width !== picture.width || this.canvas.height !== picture.height) {
      [this.canvas.width, this.canvas.height] = [picture.width, picture.height];
    }
    this.canvas.getContext('2d').drawImage(picture, 0, 0);
    picture.close();
    this.shown(JSON.parse(headers.get('x-graft-answers') ?? '{"views": []}'));
  }
}
