// What was dropped or chosen: files and folders become files with a class.

/** The files of a drop as [path, file], with those in folders. */
export async function filesOf(transfer) {
  const entries = [...transfer.items].filter(({kind}) => kind === 'file').map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const found = [];
  for (const entry of entries) if (entry) await collect(entry, found); // entries can be asked for during the event only
  return found;
}

/** The files that were chosen, as [path, file]. */
export const chosen = (input) => [...input.files].map((file) => [file.webkitRelativePath || file.name, file]);

async function collect(entry, found) {
  if (entry instanceof File) {
    found.push([entry.name, entry]);
  } else if (entry.isFile) {
    const file = await new Promise((resolve) => { entry.file(resolve, () => resolve(null)); });
    if (file) found.push([entry.fullPath.replace(/^\//, ''), file]);
  } else {
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve) => { reader.readEntries(resolve, () => resolve([])); });
      if (!some.length) break;
      for (const one of some) await collect(one, found);
    }
  }
}

/** Without what systems keep beside photos: hidden files, and those of @eaDir and the like. */
export const visible = (files) => files.filter(([path]) => !path.split('/').some((part) => /^([.@#]|__MACOSX$|Thumbs\.db$)/.test(part)));

/** Whether a file is an archive by its name; the studio unpacks it. */
export const isArchive = ({name}) => /\.(zip|tar|tgz|tar\.(gz|bz2|xz))$/i.test(name);

/**
 * Divides files into classes by their folders: the outermost folder is the class, or the second one if all are in one
 * folder that has only folders. Resolves to [classes, loose]: label to files, and those without a folder.
 */
export function byFolder(files) {
  const parts = files.map(([path, file]) => [path.split('/'), file]);
  const inFolders = parts.filter(([names]) => names.length > 1);
  const tops = new Set(inFolders.map(([names]) => names[0]));
  const depth = tops.size === 1 && inFolders.every(([names]) => names.length > 2) ? 1 : 0;
  const classes = new Map();
  const loose = [];
  for (const [names, file] of parts) {
    if (names.length === 1) {
      loose.push(file);
      continue;
    }
    const label = names[depth].normalize('NFC');
    if (!classes.has(label)) classes.set(label, []);
    classes.get(label).push(file);
  }
  return [classes, loose];
}
