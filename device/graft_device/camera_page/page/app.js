// Connects the page: asks the board what it does, and shows sources, events, drift and models.

import {showDrift} from './drift.js';
import {EventSection} from './event_section.js';
import {showModels} from './models.js';
import {every} from './schedule.js';
import {hasToken, request} from './shared/server.js';
import {asSentence} from './shared/words.js';
import {SourceCard} from './source.js';

const BOARD_S = 3; // seconds between two looks at the board's states
const EVENTS_S = 4;
const DRIFT_S = 60;

const at = (id) => document.getElementById(id);
const events = new EventSection(say);

let board = null;
let cards = [];
let refused = false; // whether the viewer has no token: nothing is asked for until the button is pressed

async function look() {
  if (refused) return;
  try {
    const newest = (await request('v1/board', {})).content;
    showProblem('');
    if (structure(newest) !== structure(board)) build(newest);
    board = newest;
    board.sources.forEach((source, index) => cards[index].update(source));
  } catch (problem) {
    if (problem.status === undefined) throw problem;
    refused = problem.status === 401;
    showProblem(asSentence(problem.message));
    at('enter-token').hidden = !refused;
  }
}

/** What of the board decides which parts the page has. */
function structure(described) {
  if (!described) return '';
  const {sources, models, events: kept, corrections, drift} = described;
  const fixed = sources.map(({id, name, masks, views}) => [id, name, masks, views.map((view) => ({...view, state: null, figures: null}))]);
  return JSON.stringify([fixed, models, kept, corrections, drift]);
}

function build(described) {
  for (const card of cards) card.close();
  cards = described.sources.map((source) => new SourceCard(source, described, say, look));
  at('sources').replaceChildren(...cards.map((card) => card.node));
  at('sources').classList.toggle('several', cards.length > 1);
  title(described);
  events.start(described);
  showModels(at('models'), described);
  at('side').hidden = false;
  at('version').textContent = `graftkit ${described.version}`;
  if (!described.drift) at('no-drift').textContent = 'Not counted by this run.';
  else drift(described);
}

function title({sources, models}) {
  const names = sources.map((source) => source.name);
  const regions = sources.flatMap((source) => source.views).filter((view) => view.region !== null).length;
  at('name').textContent = names.length === 1 ? names[0] : `${names.length} sources`;
  document.title = `${names.join(', ')} – graftkit`;
  const parts = [`${models.length > 1 ? 'models' : 'model'} ${models.map((model) => model.name).join(', ')}`];
  if (regions) parts.unshift(regions === 1 ? '1 region' : `${regions} regions`);
  if (names.length > 1) parts.unshift(names.join(', '));
  at('summary').textContent = parts.join(' · ');
}

async function drift(described) {
  if (!described?.drift) return;
  try {
    const {models} = (await request('v1/drift', {})).content;
    showDrift(at('drift'), models);
    at('no-drift').hidden = models.length > 0;
    at('no-drift').textContent = 'Nothing counted yet.';
  } catch (problem) {
    if (problem.status === undefined) throw problem;
    at('no-drift').hidden = false;
    at('no-drift').textContent = asSentence(problem.message);
  }
}

function showProblem(text) {
  at('problem').hidden = !text;
  if (at('problem-text').textContent !== text) at('problem-text').textContent = text; // it is read out whenever it is written
}

function say(text) {
  at('spoken').textContent = text;
}

/** Opens an address that needs a token, as plain text. */
async function follow(event) {
  if (!hasToken()) return;
  event.preventDefault();
  try {
    const {content} = await request(event.target.getAttribute('href'), {}, (response) => response.text());
    location.assign(URL.createObjectURL(new Blob([content], {type: 'text/plain;charset=utf-8'})));
  } catch (problem) {
    showProblem(asSentence(problem.message));
  }
}

for (const link of document.querySelectorAll('footer a')) link.onclick = follow;

at('enter-token').onclick = () => {
  refused = false;
  look();
};

look();
every(BOARD_S, look);
every(EVENTS_S, () => events.look());
every(DRIFT_S, () => drift(board));
