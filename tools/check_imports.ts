/**
 * The rules of `import_rules.ts` as a plugin of `deno lint`: it works on the syntax tree, so that
 * comments and strings do not trip it, and shows the line that breaks a rule.
 *
 * @module
 */
import {
  EVENT_CONSTRUCTOR,
  IMPURE,
  LACKING,
  NOT_CORE,
  PURE,
  type Rule,
  RULES,
  RUNTIME_ENTRIES_IMPORT,
  WORLD,
  WORLD_MEMBERS,
} from "./import_rules.ts";
import config from "../deno.json" with { type: "json" };

const root = new URL("..", import.meta.url).pathname;
const entries = new Set(Object.values(config.exports).map((file) => file.replace(/^\.\//, "")));

/** The path from the repository, with slashes. */
function pathOf(filename: string): string {
  const path = filename.replaceAll("\\", "/");
  return path.startsWith(root) ? path.slice(root.length) : path;
}

function ruleFor(path: string): Rule | undefined {
  return RULES.filter(({ files }) => path.startsWith(files))
    .sort((a, b) => b.files.length - a.files.length)[0];
}

function isPublished(path: string): boolean {
  return path === "mod.ts" || path.startsWith("src/");
}

/** The folder that a file belongs to: `src/recv/`, `examples/demo/`. */
function folderOf(path: string): string {
  const parts = path.split("/");
  return parts.length > 2 ? `${parts[0]}/${parts[1]}/` : path;
}

function mayReach(from: string, to: string, rule: Rule): boolean {
  if (to.startsWith(folderOf(from))) return true;
  if (from.startsWith("src/runtime/") && entries.has(from)) {
    if (to.startsWith(RUNTIME_ENTRIES_IMPORT) && to.split("/").length === 2) return true;
  }
  return rule.imports.some((allowed) => {
    if (allowed === "PUBLIC") return entries.has(to);
    if (allowed === "src/") return to.startsWith("src/") && !NOT_CORE.some((f) => to.startsWith(f));
    return to.startsWith(allowed);
  });
}

/** Why `from` may not import `specifier`, if so. */
function importProblem(from: string, specifier: string): string | undefined {
  const rule = ruleFor(from);
  if (rule === undefined) return undefined;
  if (!/^\.{0,2}\//.test(specifier)) {
    if (!isPublished(from)) return undefined;
    if (specifier.startsWith("node:") && rule.node === true) return undefined;
    return specifier.startsWith("node:")
      ? `Cannot import "${specifier}" here: only src/runtime, src/worker and src/cli use node: modules`
      : `Cannot import "${specifier}": published source has no dependencies`;
  }
  const to = pathOf(decodeURIComponent(new URL(specifier, `file:///${from}`).pathname.slice(1)));
  if (mayReach(from, to, rule)) return undefined;
  const allowed = rule.imports.length === 0
    ? "nothing"
    : rule.imports.map((path) => path === "PUBLIC" ? "the entry points of deno.json" : path).join(
      ", ",
    );
  return `Cannot import ${to} from ${from}: outside itself, ${rule.files} imports only ${allowed}`;
}

/** Whether an identifier is only the name of a member, a key or a label. */
function isMereName(node: Deno.lint.Identifier): boolean {
  const parent = node.parent as unknown as
    | { type: string; computed?: boolean; shorthand?: boolean; [key: string]: unknown }
    | undefined;
  if (parent === undefined) return false;
  const at = (key: string) => same(parent[key], node);
  switch (parent.type) {
    case "MemberExpression":
      return at("property") && parent.computed !== true;
    case "TSQualifiedName":
      return at("right");
    case "Property":
      return at("key") && parent.computed !== true && parent.shorthand !== true;
    case "PropertyDefinition":
    case "MethodDefinition":
    case "AccessorProperty":
    case "TSPropertySignature":
    case "TSMethodSignature":
    case "TSAbstractPropertyDefinition":
    case "TSAbstractMethodDefinition":
    case "TSEnumMember":
      return at("key") && parent.computed !== true;
    case "ImportSpecifier":
      return at("imported");
    case "ExportSpecifier":
      return at("exported");
    case "LabeledStatement":
    case "BreakStatement":
    case "ContinueStatement":
      return true;
    default:
      return false;
  }
}

function same(a: unknown, b: Deno.lint.Identifier): boolean {
  const other = a as { type?: string; range?: readonly number[] } | undefined;
  return other?.type === b.type && other.range?.[0] === b.range[0] && other.range[1] === b.range[1];
}

/** Every name that a pattern binds. */
function boundNames(pattern: unknown): string[] {
  if (Array.isArray(pattern)) return pattern.flatMap(boundNames);
  const node = pattern as { type: string; [key: string]: unknown } | null | undefined;
  switch (node?.type) {
    case "Identifier":
      return [node["name"] as string];
    case "ObjectPattern":
      return boundNames(node["properties"]);
    case "Property":
      return boundNames(node["value"]);
    case "ArrayPattern":
      return boundNames(node["elements"]);
    case "RestElement":
      return boundNames(node["argument"]);
    case "AssignmentPattern":
      return boundNames(node["left"]);
    default:
      return [];
  }
}

type Context = Deno.lint.RuleContext;
type FunctionNode =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

const imports: Deno.lint.Rule = {
  create(context: Context): Deno.lint.LintVisitor {
    const from = pathOf(context.filename);
    const check = (node: Deno.lint.Node, source: unknown) => {
      const specifier = (source as { value?: unknown } | null | undefined)?.value;
      if (typeof specifier !== "string") return;
      const message = importProblem(from, specifier);
      if (message !== undefined) context.report({ node, message });
    };
    return {
      ImportDeclaration: (node) => check(node, node.source),
      ExportNamedDeclaration: (node) => check(node, node.source),
      ExportAllDeclaration: (node) => check(node, node.source),
      TSImportType(node) {
        const { argument } = node as unknown as { argument?: { literal?: unknown } };
        check(node, argument?.literal ?? argument);
      },
      ImportExpression(node) {
        check(node, node.source);
        const literal = node.source.type === "Literal";
        if (!literal && isPublished(from) && ruleFor(from)?.node !== true) {
          context.report({ node, message: "Cannot import a module by a computed name here" });
        }
      },
    };
  },
};

const platform: Deno.lint.Rule = {
  create(context: Context): Deno.lint.LintVisitor {
    const from = pathOf(context.filename);
    const published = isPublished(from);
    const rule = ruleFor(from);
    const world = rule?.world ?? [];
    const forbids = (name: string) => world !== true && !world.includes(name);
    const pure = published && PURE.test(from);
    const bound = new Set<string>();
    const named: Deno.lint.Identifier[] = [];
    const report = (node: Deno.lint.Node, message: string) => context.report({ node, message });
    const onFunction = (node: FunctionNode) => {
      if (node.type !== "ArrowFunctionExpression" && node.id !== null) {
        boundNames(node.id).forEach((name) => bound.add(name));
      }
      boundNames(node.params).forEach((name) => bound.add(name));
      if (pure && node.async) report(node, `Cannot be async: ${from} is a pure file`);
    };
    const notHere = (name: string) =>
      `Cannot name ${name} in ${from}: only src/runtime touches the world, all else gets it as seams`;
    return {
      VariableDeclaration(node) {
        if (node.kind === "using" || node.kind === "await using") {
          report(node, "Cannot use `using`: Node 22 does not parse it");
        }
        const declared = (node as { declare?: boolean }).declare === true;
        if (declared) return; // it tells the checker of a global, it makes none
        for (const { id } of node.declarations) boundNames(id).forEach((name) => bound.add(name));
      },
      FunctionDeclaration: onFunction,
      FunctionExpression: onFunction,
      ArrowFunctionExpression: onFunction,
      CatchClause: (node) => boundNames(node.param).forEach((name) => bound.add(name)),
      ClassDeclaration: (node) => boundNames(node.id).forEach((name) => bound.add(name)),
      ImportSpecifier: (node) => void bound.add(node.local.name),
      ImportNamespaceSpecifier: (node) => void bound.add(node.local.name),
      AccessorProperty: (node) => report(node, "Cannot use `accessor`: no Node parses it"),
      AwaitExpression(node) {
        if (pure) report(node, `Cannot await: ${from} is a pure file`);
      },
      Identifier(node) {
        if (published && !isMereName(node)) named.push(node);
      },
      MemberExpression(node) {
        if (!published || node.object.type !== "Identifier") return;
        const key = node.property as { name?: string; value?: unknown };
        const member = `${node.object.name}.${node.computed ? String(key.value) : key.name}`;
        if (world !== true && WORLD_MEMBERS.has(member)) report(node, notHere(member));
        const lack = LACKING.get(member);
        if (lack !== undefined) report(node, `Cannot use ${member}: ${lack}`);
      },
      NewExpression(node) {
        if (!published || node.callee.type !== "Identifier") return;
        const { name } = node.callee;
        if (EVENT_CONSTRUCTOR.test(name)) {
          report(node, `Cannot construct ${name}: some platforms lack event constructors`);
        }
      },
      ObjectExpression(node) {
        if (!published) return;
        const keys = node.properties.map((property) =>
          (property as { key?: { name?: string } }).key?.name
        );
        if (keys.includes("transform") && keys.includes("cancel")) {
          report(node, "Cannot rely on a transformer's cancel: Chromium does not call it");
        }
      },
      "Program:exit"() {
        const told = new Set<number>();
        for (const node of named) {
          const { name } = node;
          if (bound.has(name) || told.has(node.range[0])) continue;
          told.add(node.range[0]);
          const lack = LACKING.get(name);
          if (lack !== undefined) report(node, `Cannot use ${name}: ${lack}`);
          else if (WORLD.has(name) && forbids(name)) report(node, notHere(name));
          else if (pure && IMPURE.has(name)) {
            report(node, `Cannot name ${name}: ${from} is a pure file`);
          }
        }
      },
    };
  },
};

/** The plugin that deno.json names. */
const plugin: Deno.lint.Plugin = { name: "holdfast", rules: { imports, platform } };
export default plugin;
