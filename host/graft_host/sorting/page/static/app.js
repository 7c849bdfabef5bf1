// Connects the page: shows the table's state, puts pictures into places one act after another, and looks for changes of other windows.

import {change, enter, sorting} from './api.js';
import {choose} from './chooser.js';
import {Groups, labelOf} from './groups.js';
import {listen as listenToKeys} from './keys.js';
import {retry} from './loader.js';
import {Places} from './places.js';
import {listen as listenToPointer} from './pointer.js';
import {Selection} from './selection.js';
import {Problem} from './shared/server.js';
import {asSentence, element} from './shared/words.js';
import {singleKeys, switchSingleKeys} from './single_keys.js';
import {Viewer} from './viewer.js';

const LOOK_MS = 2000; // between two looks for changes of other windows

const at = (id) => document.getElementById(id);
const lastOf = (path) => path.split('/').pop();
const count = (number) => (number === 1 ? '1 picture' : `${number.toLocaleString('en')} pictures`);

const groups = new Groups(at('groups'), {
  selectGroup: (group) => {
    selection.all(group.pictures.map(({id}) => id));
    selection.frame(group.pictures[0].id);
  },
  accept: (group) => act(() => accept(group)),
});
const selection = new Selection(groups, showTools);
const places = new Places(at('places'), (to) => put(to, {keyboard: false}), chooseClass);
const viewer = new Viewer((by) => go(by, false));

let served = null; // the newest state from the server
let state = null; // what is shown of it: without the pictures that are leaving
const leaving = new Set(); // ids of pictures whose move is sent
let sends = Promise.resolve();
let pictures = new Map(); // id to [picture, group]
let stopped = false; // whether this window has no token
let silent = false; // whether the last look failed
let acts = Promise.resolve();

/** Does acts one after another: a key acts on what the one before has left. */
function act(doing) {
  const done = acts.then(async () => {
    try {
      await doing();
      showProblem('');
    } catch (problem) {
      if (problem.status === undefined) throw problem;
      await failed(problem);
    }
  });
  acts = done.catch(() => {});
  return done;
}

async function failed(problem) {
  showProblem(asSentence(problem.message));
  if (problem.status === 409 || problem.status === 404) await look();
}

async function look() {
  if (stopped) return;
  try {
    const newest = await sorting(served?.revision);
    if (silent) {
      showProblem('');
      retry();
    }
    silent = false;
    if (newest) show(newest);
  } catch (problem) {
    if (problem.status === undefined) throw problem;
    stopped = problem.status === 401;
    silent = true;
    showProblem(asSentence(problem.message));
    if (!state) at('empty').textContent = '';
  }
}

/** Looks for changes of other windows when the acts are done. */
function lookSoon() {
  if (!document.hidden) acts = acts.then(() => sends).then(look);
}

function show(newest) {
  const hadFocus = document.activeElement?.closest?.('.tile') || document.activeElement === document.body;
  served = newest;
  state = without(newest, leaving);
  pictures = new Map(state.groups.flatMap((group) => group.pictures.map((picture) => [picture.id, [picture, group]])));
  at('empty')?.remove();
  groups.update(state.groups);
  selection.settle();
  places.update(state);
  const left = groups.order.length;
  at('summary').textContent = `${lastOf(state.inbox)} → ${lastOf(state.photos)}`;
  at('summary').title = `${state.inbox} → ${state.photos}`;
  at('counts').textContent = `${left.toLocaleString('en')} left · ${state.moved.toLocaleString('en')} sorted`;
  at('progress').max = Math.max(left + state.moved, 1);
  at('progress').value = state.moved;
  at('bar').hidden = false;
  document.title = left ? `${left} left – Sort photos` : 'Sorted – graftkit';
  if (!left) at('groups').append(farewell());
  showTools();
  if (hadFocus && !document.querySelector('dialog[open]') && groups.tile(selection.current)) groups.tile(selection.current).focus({preventScroll: true});
  if (viewer.open) showLarge();
}

function farewell() {
  const note = element('p', 'Nothing is left to sort. Press Ctrl-C in the terminal to end, then train with what you have: ', 'quiet');
  note.id = 'empty';
  note.append(element('code', `graft train ${state.photos} -o model.tflite`));
  return note;
}

function showTools() {
  at('undo').disabled = !state?.undo;
  at('redo').disabled = !state?.redo;
  at('undo').title = state?.undo ? `Takes back: ${state.undo}` : '';
  at('redo').title = state?.redo ? `Does again: ${state.redo}` : '';
  at('enlarge').disabled = !groups.order.length;
  at('regroup').disabled = !groups.order.length;
  at('regroup').ariaKeyShortcuts = singleKeys() ? 'G' : null;
  at('clear').disabled = !selection.size;
  at('clear').textContent = selection.size ? `Deselect ${selection.size.toLocaleString('en')}` : 'Deselect';
}

/** Puts the selected pictures into a place; with the keyboard also the one with the frame, if none is selected. */
function put(to, {keyboard}) {
  return act(async () => {
    const ids = subject(keyboard);
    if (!ids.length) say(groups.order.length ? 'Select pictures first: click or tap them.' : 'Nothing is left to sort.');
    else move(ids, to);
  });
}

function subject(keyboard) {
  if (viewer.open) return selection.current ? [selection.current] : [];
  if (selection.size) return selection.ids();
  return keyboard && selection.current ? [selection.current] : [];
}

/** Takes pictures off the page at once, and sends the move behind those before it; they count as sorted when it is done. */
function move(ids, to) {
  const next = behind(ids);
  for (const id of ids) leaving.add(id);
  selection.clear();
  show(served);
  selection.frame(next, !document.querySelector('dialog[open]'));
  if (viewer.open) showLarge();
  const sent = sends.then(() => send(ids, to));
  sends = sent.catch(() => {});
}

async function send(ids, to) {
  try {
    const newest = await change('moves', {pictures: ids, to, revision: served.revision});
    for (const id of ids) leaving.delete(id);
    show(newest);
    showProblem('');
    report(newest.done);
  } catch (problem) {
    for (const id of ids) leaving.delete(id);
    if (problem.status === undefined) throw problem;
    show(served);
    await failed(problem);
  }
}

/** A state in which pictures are no longer shown. */
function without(shown, gone) {
  if (!gone.size) return shown;
  const rest = shown.groups.map((group) => ({...group, pictures: group.pictures.filter(({id}) => !gone.has(id))}));
  return {...shown, groups: rest.filter((group) => group.pictures.length)};
}

/** The picture that has the frame when these are gone: the next one that stays, else the one before. */
function behind(ids) {
  const {order} = groups;
  const gone = new Set(ids);
  const start = order.indexOf(ids[0]);
  return order.slice(start).find((id) => !gone.has(id)) ?? order.slice(0, start).findLast((id) => !gone.has(id)) ?? null;
}

function report(done, hint = 'Ctrl-Z takes it back.') {
  if (!done) return;
  say(`${asSentence(done.text)}${done.left.length ? '' : ` ${hint}`}`);
  if (done.left.length) {
    const [first] = done.left;
    const more = done.left.length > 1 ? ` (and ${(done.left.length - 1).toLocaleString('en')} more)` : '';
    throw new Problem(200, `${count(done.left.length)} could not be moved: ${first.name}: ${first.reason}${more}`);
  }
}

/** Puts each picture of a group where it is suggested to be. */
async function accept(group) {
  if (group.kind === 'duplicates') return move(group.pictures.map(({id}) => id), {kind: 'bin'});
  const byLabel = new Map();
  for (const picture of group.pictures) {
    const label = labelOf(picture, group);
    if (label !== null) byLabel.set(label, [...(byLabel.get(label) ?? []), picture.id]);
  }
  await sends;
  if (!byLabel.size) say('Nothing is suggested for this group: choose a class.');
  for (const [label, ids] of byLabel) {
    const isUnknown = label === 'unknown';
    if (!isUnknown && !state.classes.some((known) => known.label === label)) show(await change('classes', {label}));
    move(ids, isUnknown ? {kind: 'unknown'} : {kind: 'class', label});
  }
}

function step(which) {
  return act(async () => {
    await sends;
    if (!state[which]) {
      say(which === 'undo' ? 'There is nothing to take back.' : 'There is nothing to do again.');
      return;
    }
    const newest = await change(which, {revision: state.revision});
    selection.clear();
    show(newest);
    const {done} = newest;
    const [first] = (done?.pictures ?? []).filter((id) => pictures.has(id));
    if (first) selection.frame(first, !document.querySelector('dialog[open]'));
    if (viewer.open) showLarge();
    if (which === 'undo') report(done && {...done, text: `taken back: ${done.text}`}, 'Ctrl-Y does it again.');
    else report(done && {...done, text: `done again: ${done.text}`});
  });
}

function regroup() {
  say('Grouping…');
  return act(async () => {
    try {
      await sends;
      show(await change('groups', {}));
      say('Grouped again by all that is sorted.');
    } catch (problem) {
      say('');
      throw problem;
    }
  });
}

function chooseClass() {
  const ids = subject(true);
  if (!ids.length) {
    say('Select pictures first: click or tap them.');
    return;
  }
  const large = viewer.open;
  if (large) viewer.close();
  choose(state.classes, `Put ${count(ids.length)} into a class`, async (label, isNew) => {
    let reason = '';
    await act(async () => {
      try {
        let to = {kind: 'class', label};
        await sends;
        if (isNew) {
          const newest = await change('classes', {label});
          to = {kind: 'class', label: newest.added};
          show(newest);
        }
        move(ids, to);
      } catch (problem) {
        if (problem.status !== 409) throw problem;
        reason = asSentence(problem.message);
      }
    });
    if (!reason) focusCurrent();
    return reason;
  });
}

function focusCurrent() {
  setTimeout(() => groups.tile(selection.current)?.focus()); // when the dialog is closed
}

function go(by, selecting) {
  const place = groups.order.indexOf(selection.current);
  goToPlace(Math.min(Math.max(place + by, 0), groups.order.length - 1), selecting);
}

function goToPlace(place, selecting) {
  const id = groups.order.at(place);
  if (id === undefined) return;
  if (selecting) selection.reach(id);
  selection.frame(id, !viewer.open);
  if (viewer.open) showLarge();
}

function showLarge() {
  const found = pictures.get(selection.current);
  if (found) viewer.show(found[0]);
  else viewer.close();
}

function say(text) {
  at('said').textContent = text;
}

function showProblem(text) {
  at('problem').hidden = !text;
  if (at('problem-text').textContent !== text) at('problem-text').textContent = text; // it is read out whenever it is written
}

const currentGroup = () => pictures.get(selection.current)?.[1];

function enlarge(id = selection.size ? selection.ids()[0] : selection.current) {
  if (!id) return;
  selection.frame(id, false);
  showLarge();
}

listenToPointer(at('groups'), groups, selection, enlarge);
listenToKeys({
  acceptCurrentGroup: () => act(async () => {
    if (currentGroup()) await accept(currentGroup());
  }),
  choose: chooseClass,
  classes: () => state?.classes ?? [],
  clear: () => selection.clear(),
  enlarge: () => enlarge(selection.current),
  go,
  goAcross: (rows, selecting) => {
    const id = selection.across(rows);
    if (id) goToPlace(groups.order.indexOf(id), selecting);
  },
  goTo: goToPlace,
  help: () => at('help').showModal(),
  put,
  regroup,
  selectCurrentGroup: () => {
    if (currentGroup()) selection.all(currentGroup().pictures.map(({id}) => id));
  },
  step,
  toggle: () => {
    if (selection.current) selection.toggle(selection.current);
  },
});

at('undo').onclick = () => step('undo');
at('redo').onclick = () => step('redo');
at('regroup').onclick = regroup;
at('enlarge').onclick = () => enlarge();
at('clear').onclick = () => selection.clear();
at('keys').onclick = () => at('help').showModal();
at('help-close').onclick = () => at('help').close();
at('single-keys').checked = singleKeys();
at('single-keys').onchange = () => {
  switchSingleKeys(at('single-keys').checked);
  if (served) show(served);
};
at('viewer').addEventListener('close', () => groups.tile(selection.current)?.focus());
document.addEventListener('visibilitychange', lookSoon);

async function begin() {
  await act(enter);
  if (!at('problem').hidden) {
    at('empty').textContent = '';
    return;
  }
  await look();
  groups.tile(selection.current)?.focus({preventScroll: true});
  setInterval(lookSoon, LOOK_MS);
}

begin();
