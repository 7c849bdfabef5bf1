// What one model sees in one region: bars, state, and buttons that say what it really was.

import {fillBars, reason} from './shared/answer.js';
import {capturing} from './capture.js';
import {correction} from './correction.js';
import {element} from './shared/words.js';

export class ViewCard {
  /** `stateChanged(label)` is called when another state is confirmed. */
  constructor(view, source, board, stateChanged) {
    this.view = view;
    this.stateChanged = stateChanged;
    this.gated = false; // whether it has ever been still: only then is "moving" news
    this.node = element('li', undefined, 'view');
    const head = element('div', undefined, 'view-head');
    const title = element('h3');
    title.append(element('bdi', view.region ?? 'Whole frame'));
    if (board.models.length > 1) title.append(' ', element('small', view.model));
    this.motion = element('span', undefined, 'pill motion');
    this.motion.hidden = true;
    head.append(title, this.motion);
    this.state = element('p', undefined, 'state');
    this.state.hidden = true;
    this.answer = element('div', undefined, 'answer');
    this.bars = element('ol');
    this.bars.setAttribute('role', 'list');
    this.remark = element('p');
    this.remark.hidden = true;
    this.answer.append(this.bars, this.remark);
    this.none = element('p', 'No answer yet.', 'quiet');
    this.node.append(head, this.state, this.none, this.answer);
    this.boxes = [];
    if (board.corrections) this.offer('This was …', view, source, () => this.corrections());
    if (board.capture) this.offer('Capture for …', view, source, () => this.captures(board));
  }

  /** A part that is made when it is opened, under a summary. */
  offer(text, view, source, make) {
    const details = element('details', undefined, 'correct-box');
    const summary = element('summary', text);
    summary.append(element('span', ` (${view.region ?? source.name})`, 'screen-reader'));
    details.append(summary);
    details.hidden = true; // until there is a frame to save
    details.ontoggle = () => {
      if (details.open && details.children.length === 1) details.append(make());
    };
    this.boxes.push(details);
    this.node.append(details);
  }

  corrections() {
    return correction(this.view.labels, this.best ?? [], this.path('label'), 'What the model sees now was');
  }

  captures(board) {
    return capturing(this.view.labels, board.captured, this.best ?? [], this.path('capture'));
  }

  path(what) {
    return `v1/views/${encodeURIComponent(this.view.id)}/${what}`;
  }

  /** Shows the view's answer to the newest frame. */
  show(answer) {
    if (!answer) return;
    this.gated ||= answer.still;
    this.motion.hidden = !this.gated;
    this.motion.textContent = answer.still ? 'still' : 'moving';
    this.motion.classList.toggle('on', !answer.still);
    if (answer.predictions?.length) {
      this.best = answer.predictions.map((prediction) => prediction.label);
      fillBars(this.bars, answer);
      this.remark.hidden = !answer.unknown;
      this.remark.textContent = `${reason(answer, this.view.threshold)}.`;
      this.none.hidden = true;
      this.lock(false);
    }
    this.answer.classList.remove('old');
    this.showState(answer.state);
  }

  showState(state) {
    if (this.known !== undefined && state !== this.known) this.stateChanged(state);
    this.had ||= state !== null;
    this.known = state;
    this.state.hidden = !this.had;
    this.state.replaceChildren('State: ', state === null ? 'none' : element('bdi', state));
  }

  /** Greys the bars of an answer that is no longer about what the camera sees. */
  age() {
    this.answer.classList.add('old');
  }

  /** Takes the buttons away while the picture is paused: they would save a newer frame than the one in view. */
  lock(paused) {
    for (const details of this.boxes) details.hidden = paused;
  }
}
