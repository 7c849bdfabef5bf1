// The card of one source: its live picture, what the models see in it, and the mode that draws regions.

import {captureHint} from './capture.js';
import {correctionHint} from './correction.js';
import {Drawing} from './drawing.js';
import {clock} from './dates.js';
import {Live} from './live.js';
import {isNowhere, showMasks, showRegions} from './overlay.js';
import {ViewCard} from './views.js';
import {asSentence, capital} from './shared/words.js';

export class SourceCard {
  /**
   * `source` and `board` are from the board's description; `say(text)` is called with changes of its states, `sized` when
   * the places of regions in pixels have become known.
   */
  constructor(source, board, say, sized) {
    this.node = document.getElementById('source-template').content.firstElementChild.cloneNode(true);
    this.source = source;
    this.say = say;
    this.sized = sized;
    this.reached = false; // whether pictures come
    this.awaySince = null;
    const name = this.at('.source-name');
    name.textContent = board.sources.length > 1 ? source.name : 'Live picture'; // one source's name is the page's title
    this.node.setAttribute('aria-label', source.name);
    this.canvas = this.at('canvas');
    this.canvas.setAttribute('aria-label', `No picture of ${source.name} yet`);
    this.shape(...(source.size ?? [4, 3]));
    showMasks(this.at('.masks'), source.masks);
    this.views = source.views.map((view) => new ViewCard(view, source, board, (state) => this.sayState(view, state)));
    this.at('.views').append(...this.views.map((view) => view.node));
    this.at('.views').classList.toggle('many', source.views.length > 3);
    this.hint(board);
    this.live = new Live(source.id, this.canvas, (answers) => this.show(answers), (problem) => this.ended(problem));
    this.drawing = new Drawing(this.node, source);
    this.at('.pause').onclick = () => this.pause();
    this.update(source);
    this.curtain('Waiting for the first picture…');
  }

  at(selector) {
    return this.node.querySelector(selector);
  }

  /** Takes the source's newest description: whether it is there, and the states of its views. */
  update(source) {
    const {present} = this.source;
    this.source = source;
    if (source.size && !this.reached) this.shape(...source.size);
    if (!source.present) {
      this.awaySince = source.since ?? this.awaySince ?? new Date().toISOString();
      this.curtain(`Away since ${clock(this.awaySince)}. The picture comes back with the camera.`);
    } else if (this.awaySince) {
      this.awaySince = null;
      this.curtain(this.reached ? '' : 'Waiting for the first picture…');
      this.live.retry();
    }
    if (present !== source.present) this.say(`${source.name}: ${source.present ? 'back' : 'away'}`);
    source.views.forEach((view, index) => this.views[index].showState(view.state));
    this.status();
  }

  close() {
    this.live.close();
    this.drawing.close();
  }

  show({views}) {
    if (!this.reached && this.source.views.some((view) => isNowhere(view, this.source.size))) this.sized();
    this.reached = true;
    this.shape(this.canvas.width, this.canvas.height);
    this.drawing.size(this.canvas.width, this.canvas.height);
    this.canvas.setAttribute('aria-label', `Live picture of ${this.source.name}`);
    if (this.source.present) this.curtain('');
    const answers = new Map(views.map((answer) => [answer.id, answer]));
    for (const view of this.views) view.show(answers.get(view.view.id));
    showRegions(this.at('.regions'), this.source.views, answers, this.source.size);
    this.still = views.length > 0 && views.every((answer) => answer.still);
    this.status();
  }

  ended(problem) {
    this.reached = false;
    for (const view of this.views) view.age();
    if (!this.source.present) return;
    if (problem?.full) this.curtain('This browser shows four pictures at once. Pause another one to see this.');
    else if (problem?.status === 503) this.curtain(`${asSentence(problem.message)} The picture comes when somebody leaves.`);
    else if (problem?.status) this.curtain(asSentence(problem.message));
    else this.curtain('No picture at the moment; trying again…');
    this.status();
  }

  pause() {
    const paused = !this.live.paused;
    this.live.pause(paused);
    this.at('.pause').setAttribute('aria-pressed', String(paused));
    this.at('.pause').textContent = paused ? 'Go on' : 'Pause';
    for (const view of this.views) view.lock(paused);
    this.status();
  }

  status() {
    const [kind, text] = this.situation();
    this.at('.status').dataset.kind = kind;
    this.at('.status-text').textContent = text;
  }

  situation() {
    if (!this.source.present) return ['away', `away since ${clock(this.awaySince, false)}`];
    if (this.live.paused) return ['paused', 'paused'];
    if (!this.reached) return ['waiting', 'no picture'];
    return this.still ? ['still', 'nothing moves'] : ['live', 'live'];
  }

  sayState({region}, state) {
    const place = region === null ? this.source.name : `${this.source.name}, ${region}`;
    this.say(`${place}: ${state ?? 'nothing'}`);
  }

  shape(width, height) {
    this.at('.picture').style.setProperty('--ratio', String(width / height));
  }

  curtain(text) {
    this.at('.curtain').hidden = !text;
    this.at('.curtain').textContent = text && capital(text);
    this.at('.picture').classList.toggle('covered', Boolean(text));
  }

  hint(board) {
    const hints = [];
    if (this.source.views.every((view) => view.region === null)) {
      hints.push('The model sees the whole frame. A region around what matters often makes it more certain. ');
    }
    if (!board.corrections) hints.push(...correctionHint());
    if (!board.capture) hints.push(...captureHint());
    this.at('.hint').hidden = hints.length === 0;
    this.at('.hint').replaceChildren(...hints);
  }
}
