// Mouse and touch: clicks select, a rectangle selects, and pictures are dragged onto a place.

import {element} from './shared/words.js';

const FAR = 5; // pixels until a press becomes a rectangle
const EDGE = 40; // pixels from the edge of the window where it scrolls

/** Connects the pictures with a selection; `enlarge(id)` is called for a double click. */
export function listen(root, groups, selection, enlarge) {
  const tileOf = (event) => event.target.closest?.('.tile');

  root.addEventListener('click', (event) => {
    const tile = tileOf(event);
    if (!tile) return;
    const {id} = tile.dataset;
    if (event.shiftKey) selection.reach(id);
    else if (event.ctrlKey || event.metaKey || event.pointerType === 'touch' || event.pointerType === 'pen') selection.toggle(id);
    else selection.only(id);
    selection.frame(id);
  });
  root.addEventListener('dblclick', (event) => {
    const tile = tileOf(event);
    if (tile) enlarge(tile.dataset.id);
  });
  root.addEventListener('focusin', (event) => {
    const tile = tileOf(event);
    if (tile && tile.dataset.id !== selection.current) selection.frame(tile.dataset.id, false);
  });
  listenToDrags(root, selection, tileOf);
  root.addEventListener('pointerdown', (event) => {
    if (event.pointerType !== 'mouse' || event.button !== 0 || tileOf(event) || event.target.closest('button')) return;
    event.preventDefault();
    draw(event, groups, selection);
  });
}

function listenToDrags(root, selection, tileOf) {
  const badge = element('div', '', 'badge');
  badge.ariaHidden = 'true';
  document.body.append(badge);
  root.addEventListener('dragstart', (event) => {
    const tile = tileOf(event);
    if (!tile) return;
    if (!selection.has(tile.dataset.id)) selection.only(tile.dataset.id);
    selection.frame(tile.dataset.id, false);
    badge.textContent = selection.size === 1 ? '1 picture' : `${selection.size} pictures`;
    event.dataTransfer.effectAllowed = 'move';
    event.dataTransfer.setData('text/plain', badge.textContent);
    event.dataTransfer.setDragImage(badge, -12, -12);
    document.body.classList.add('dragging');
  });
  root.addEventListener('dragend', () => document.body.classList.remove('dragging'));
}

/** Where each picture is on the page. */
function boxesOf(groups) {
  return groups.tiles().map((tile) => {
    const {left, top, right, bottom} = tile.getBoundingClientRect();
    return {id: tile.dataset.id, left: left + scrollX, top: top + scrollY, right: right + scrollX, bottom: bottom + scrollY};
  });
}

/** Draws a rectangle from where the mouse was pressed, and selects what it touches. */
function draw(start, groups, selection) {
  const kept = start.ctrlKey || start.metaKey || start.shiftKey ? selection.ids() : [];
  const from = {x: start.pageX, y: start.pageY};
  let boxes = boxesOf(groups);
  let at = scrollY;
  const box = element('div', undefined, 'rectangle');
  let drawn = false;

  function move(event) {
    drawn ||= Math.hypot(event.pageX - from.x, event.pageY - from.y) > FAR;
    if (!drawn) return;
    if (!box.isConnected) document.body.append(box);
    if (event.clientY > innerHeight - EDGE) scrollBy(0, EDGE / 2);
    else if (event.clientY < EDGE) scrollBy(0, -EDGE / 2);
    if (scrollY !== at) boxes = boxesOf(groups); // groups that come near get their real height
    at = scrollY;
    const [left, right] = [from.x, event.pageX].sort((a, b) => a - b);
    const [top, bottom] = [from.y, event.pageY].sort((a, b) => a - b);
    Object.assign(box.style, {left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px`});
    const touched = boxes.filter((one) => one.left < right && one.right > left && one.top < bottom && one.bottom > top);
    selection.all([...kept, ...touched.map(({id}) => id)]);
    if (touched.length) selection.frame(touched.at(-1).id, false);
  }

  function end() {
    removeEventListener('pointermove', move);
    removeEventListener('pointerup', end);
    removeEventListener('pointercancel', end);
    box.remove();
    if (!drawn && !kept.length) selection.clear();
  }

  addEventListener('pointermove', move);
  addEventListener('pointerup', end);
  addEventListener('pointercancel', end);
}
