// Mouse and touch: clicks select, photos are dragged onto a class, files are dropped onto a class or onto the page.

import {filesOf} from './drops.js';
import {element} from './words.js';

const KIND = 'application/x-graft-photos';

const tileOf = (event) => event.target.closest?.('.photos-tile');
const has = (event, kind) => event.dataTransfer.types.includes(kind);

/** Connects the photos of a class. */
export function listenInClass(card, desk) {
  const {grid, label, root} = card;
  grid.root.addEventListener('click', (event) => {
    const tile = tileOf(event);
    if (!tile) return;
    const {id} = tile.dataset;
    const start = grid.currentId;
    grid.go(grid.placeOf(id));
    if (event.shiftKey) desk.selection.reach(grid.ids, id, start);
    else if (event.ctrlKey || event.metaKey || event.pointerType === 'touch' || event.pointerType === 'pen') desk.selection.toggle(id);
    else desk.selection.only(id);
  });
  grid.root.addEventListener('dblclick', (event) => {
    if (tileOf(event)) desk.enlarge(grid, label);
  });
  grid.root.addEventListener('dragstart', (event) => {
    const tile = tileOf(event);
    if (!tile) return;
    const {id} = tile.dataset;
    if (!desk.selection.has(id)) desk.selection.only(id);
    event.dataTransfer.effectAllowed = 'move';
    event.dataTransfer.setData(KIND, label);
    event.dataTransfer.setDragImage(badge(desk.t('count', {count: desk.selection.size})), -12, -12);
  });
  takesDrops(root, 'move', KIND, () => desk.move(desk.selected(), label));
  takesDrops(root, 'copy', 'Files', async (event) => desk.add(label, await filesOf(event.dataTransfer)));
}

/** Connects the page: files that are dropped beside the classes. */
export function listenOnPage(root, desk) {
  takesDrops(root, 'copy', 'Files', async (event) => desk.addByFolder(await filesOf(event.dataTransfer)));
  for (const name of ['dragover', 'drop']) { // else the browser would leave the page to show the file
    addEventListener(name, (event) => {
      if (has(event, 'Files') && !event.defaultPrevented) event.preventDefault();
    });
  }
}

function takesDrops(node, effect, kind, drop) {
  node.addEventListener('dragover', (event) => {
    if (!has(event, kind)) return;
    event.preventDefault();
    event.stopPropagation();
    event.dataTransfer.dropEffect = effect;
    node.classList.add('over');
  });
  node.addEventListener('dragleave', (event) => {
    if (!node.contains(event.relatedTarget)) node.classList.remove('over');
  });
  node.addEventListener('drop', (event) => {
    node.classList.remove('over');
    if (!has(event, kind)) return;
    event.preventDefault();
    event.stopPropagation();
    drop(event);
  });
}

function badge(text) {
  const node = element('div', text, 'photos-badge');
  document.body.append(node);
  setTimeout(() => node.remove());
  return node;
}
