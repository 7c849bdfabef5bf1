// The keyboard: arrows move the frame, Space selects, and single keys act on photos while the focus is in their class.

const STEPS = {ArrowLeft: -1, ArrowRight: 1};
const ROWS = {ArrowUp: -1, ArrowDown: 1};

/** Connects the keys that act on the whole page. */
export function listenOnPage(desk) {
  document.addEventListener('keydown', (event) => {
    if (event.altKey || !(event.ctrlKey || event.metaKey) || event.target.closest('input, textarea, select, dialog')) return;
    const key = event.key.toLowerCase();
    if (key === 'z') desk.step(event.shiftKey ? 'redo' : 'undo');
    else if (key === 'y') desk.step('redo');
    else return;
    event.preventDefault();
  });
}

/** Connects the keys of a class. */
export function listenInClass(card, desk) {
  card.root.addEventListener('keydown', (event) => {
    if (event.altKey || event.target.closest('input, textarea, select')) return;
    const inGrid = event.target === card.grid.root;
    const handled = event.ctrlKey || event.metaKey ? inGrid && combined(event, card, desk) : single(event, card, desk, inGrid);
    if (handled) event.preventDefault();
  });
  card.root.addEventListener('keyup', (event) => {
    if (event.key.toLowerCase() === 'r') desk.release();
  });
}

function combined({key}, card, desk) {
  if (key.toLowerCase() !== 'a') return false;
  desk.selection.all(card.grid.ids);
  return true;
}

function single(event, card, desk, inGrid) {
  const key = event.key.toLowerCase();
  if (key === 'r') {
    if (!event.repeat) desk.press(card.label);
  } else if (key === 'n') desk.addClass();
  else if (key === '?') desk.showKeys();
  else return inGrid && card.grid.ids.length > 0 && onPhotos(event, key, card, desk);
  return true;
}

function onPhotos(event, key, {grid, label}, desk) {
  if (/^[1-9]$/.test(key)) desk.moveToNumber(Number(key), grid);
  else if (key === 'u') desk.move(desk.subject(grid), 'unknown');
  else if (key === 'm' || key === 'c') desk.moveTo(grid);
  else if (key === 'delete' || key === 'backspace') desk.bin(desk.subject(grid));
  else if (key === ' ') desk.selection.toggle(grid.currentId);
  else if (key === 'enter') desk.enlarge(grid, label);
  else if (key === 'escape') desk.selection.clear();
  else return goes(event, grid, desk.selection);
  return true;
}

function goes({key, shiftKey}, grid, selection) {
  const page = grid.columns * grid.rowsInSight;
  let place = grid.current;
  if (key in STEPS) place += STEPS[key];
  else if (key in ROWS) place = inRows(grid, ROWS[key]);
  else if (key === 'Home' || key === 'End') place = key === 'Home' ? 0 : grid.ids.length - 1;
  else if (key === 'PageUp' || key === 'PageDown') place += key === 'PageUp' ? -page : page;
  else return false;
  const start = grid.currentId;
  grid.go(place);
  if (shiftKey) selection.reach(grid.ids, grid.currentId, start);
  return true;
}

/** The place above or below; the frame stays where there is none. */
function inRows({current, columns, ids}, by) {
  const place = current + by * columns;
  if (place < 0) return current;
  const lastRow = Math.floor((ids.length - 1) / columns);
  return Math.floor(current / columns) === lastRow && by > 0 ? current : place;
}
