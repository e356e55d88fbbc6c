/** The tree of modules that names spell, and the same with equal siblings as one. */

/** A module or one row. `rows` are the rows below it, in order. */
export interface Node {
  name: string;
  path: string;
  children: Node[];
  rows: number[];
  /** how many siblings this one stands for */
  times: number;
  isRow: boolean;
}

const SEPARATOR = /[./]/g;
const MAX_DEPTH = 24; // segments of a name that are modules; a name of thousands is hostile

function module(name: string, path: string): Node {
  return { name, path, children: [], rows: [], times: 1, isRow: false };
}

function row(name: string, path: string, rows: number[]): Node {
  return { name, path, children: [], rows, times: 1, isRow: true };
}

/** Where the segments of a name end, the last one's end not among them. */
function ends(name: string): number[] {
  const found: number[] = [];
  for (const match of name.matchAll(SEPARATOR)) {
    if (found.length === MAX_DEPTH) break;
    if (match.index > 0) found.push(match.index);
  }
  return found;
}

/** The tree of names, modules in the order of their first row. */
export function treeOf(names: readonly string[], name: string): Node {
  const root = module(name, "");
  const modules = new Map<string, Node>();
  names.forEach((each, at) => {
    let parent = root;
    let start = 0;
    parent.rows.push(at);
    for (const end of ends(each)) {
      const path = each.slice(0, end);
      let found = modules.get(path);
      if (!found) {
        found = module(each.slice(start, end), path);
        modules.set(path, found);
        parent.children.push(found);
      }
      found.rows.push(at);
      parent = found;
      start = end + 1;
    }
    parent.children.push(row(each.slice(start), each, [at]));
  });
  return root;
}

/** What two siblings must share to be one: everything below them but their own names. */
function signatures(root: Node, signatureOfRow: (row: number) => string): Map<Node, number> {
  const known = new Map<string, number>();
  const found = new Map<Node, number>();
  const visit = (node: Node): number => {
    const words = node.isRow
      ? signatureOfRow(node.rows[0])
      : node.children.map((child) => `${child.name}\0${visit(child)}`).join("\x01");
    const number = known.get(words) ?? known.size;
    known.set(words, number);
    found.set(node, number);
    return number;
  };
  visit(root);
  return found;
}

/** Nodes of one structure as one node that has the rows of all. */
function merged(nodes: Node[], name: string, path: string, signature: Map<Node, number>): Node {
  const rows = nodes.flatMap((node) => node.rows);
  const first = nodes[0];
  const made: Node = first.isRow ? row(name, path, rows) : module(name, path);
  made.rows = rows;
  made.times = nodes.length;
  made.children = first.children.map((child, at) => {
    const same = nodes.map((node) => node.children[at]);
    return merged(same, child.name, `${path}.${child.name}`, signature);
  });
  signature.set(made, signature.get(first)!);
  return made;
}

function groupedBy(nodes: Node[], key: (node: Node) => string): Map<string, Node[]> {
  const found = new Map<string, Node[]>();
  for (const node of nodes) {
    const word = key(node);
    const group = found.get(word);
    if (group) group.push(node);
    else found.set(word, [node]);
  }
  return found;
}

const NUMBERED = /^(\D*)(\d+)(\D*)$/;

/** The tree with numbered siblings of one structure as one: `0 … 11`. */
export function collapsed(root: Node, signatureOfRow: (row: number) => string): Node {
  const signature = signatures(root, signatureOfRow);
  const key = (node: Node): string => {
    const numbered = node.isRow ? null : NUMBERED.exec(node.name);
    return numbered
      ? `${numbered[1]}\0${numbered[3]}\0${signature.get(node)}`
      : `\x01${node.path}\0${node.isRow}`;
  };
  const visit = (node: Node): Node => {
    if (node.isRow) return node;
    const groups = groupedBy(node.children, key);
    const prefix = node.path ? `${node.path}.` : "";
    const children = [...groups.values()].map((group) => {
      if (group.length === 1) return visit(group[0]);
      const name = `${group[0].name} … ${group[group.length - 1].name}`;
      return visit(merged(group, name, prefix + name, signature));
    });
    return { ...node, children };
  };
  return visit(root);
}

/** A node by its path below all modules that it is in, the outermost first; `null` if not there. */
export function wayTo(root: Node, path: string): Node[] | null {
  const way = [root];
  let at = root;
  while (at.path !== path) {
    const next = at.children.find(
      (child) => path === child.path || (!child.isRow && isBelow(path, child.path)),
    );
    if (!next) return null;
    way.push(next);
    at = next;
  }
  return way;
}

function isBelow(path: string, module: string): boolean {
  return path.startsWith(module) && /[./]/.test(path[module.length] ?? "");
}
