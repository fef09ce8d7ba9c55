// Bundles the design system with our own static files:
//
//   node scripts/bundle.mjs <build folder> <nhsuk-frontend package> <folder of our own files>
//
// Every file is named after its contents, so that a browser may keep it for ever; text is
// compressed here, once, as well as it can be. The build folder receives the bodies and
// `assets.rs`, which `src/web/assets.rs` includes, and `icons.rs`, which the icon component includes.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, extname, join, resolve } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'

const [out, nhsukPackage, ownFolder] = process.argv.slice(2).map((path) => resolve(path))
const nhsuk = join(nhsukPackage, 'dist/nhsuk')

const TYPES = {
  '.css': { mime: 'text/css; charset=utf-8', text: true },
  '.js': { mime: 'text/javascript; charset=utf-8', text: true },
  '.json': { mime: 'application/json', text: true },
  '.svg': { mime: 'image/svg+xml', text: true },
  '.png': { mime: 'image/png', text: false },
  '.ico': { mime: 'image/x-icon', text: false }
}

// Where each file comes from, by the name that pages use. The package's own favicons and manifest
// are left out on purpose: they show the NHS logo, which is not ours to show. Ours are icon.svg and
// manifest.json.
const sources = new Map()
sources.set('nhsuk-frontend.min.js', join(nhsuk, 'nhsuk-frontend.min.js'))
for (const file of readdirSync(join(nhsuk, 'assets/images'))) {
  if (/^nhsuk-icon-(arrow|chevron|cross|minus|plus|search|tick|user).*\.svg$/.test(file)) {
    sources.set(`images/${file}`, join(nhsuk, 'assets/images', file))
  }
}
if (existsSync(ownFolder)) {
  for (const file of readdirSync(ownFolder)) {
    if (extname(file) in TYPES) sources.set(file, join(ownFolder, file))
  }
}
// One style sheet, ours after theirs: a browser that waits for a second one shows nothing meanwhile.
const STYLE = 'carepost.css'
const designSystem = readFileSync(join(nhsuk, 'nhsuk-frontend.min.css'))

const assets = new Map()

// Reads one file, and first those it refers to as /assets/<name>, whose names it carries.
function add(name, referrers = []) {
  const known = assets.get(name)
  if (known) return known
  if (referrers.includes(name)) throw new Error(`${[...referrers, name].join(' refers to ')}: a circle`)

  const extension = extname(name)
  let body = readFileSync(sources.get(name))
  if (TYPES[extension].text) {
    const before = name === STYLE ? withoutSourceMap(designSystem) : ''
    body = before + withoutSourceMap(body)
    if (extension === '.css') body = withoutRestrictedFont(body)
    body = body.replace(/\/assets\/([\w./-]+\.(?:css|js|json|svg|png|ico))\b/g, (path, other) => {
      if (!sources.has(other)) throw new Error(`${name} refers to ${path}, which is not bundled`)
      return add(other, [...referrers, name]).path
    })
    if (/assets\.nhs\.uk|frutiger/i.test(body)) throw new Error(`${name} still names the restricted font`)
  }
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 12)
  const path = `/assets/${basename(name, extension)}.${hash}${extension}`
  const asset = { name, path, body, ...TYPES[extension] }
  assets.set(name, asset)
  return asset
}

function withoutSourceMap(body) {
  return body.toString().replace(/\/[*/]# sourceMappingURL=[^\n]*\s*$/, '')
}

// Frutiger may be shown by the NHS only, and the style sheet fetches it from another host. Without
// it the design system falls back to Arial.
function withoutRestrictedFont(css) {
  return css.replace(/@font-face\s*\{[^}]*\}/g, '').replace(/["']?Frutiger W01["']?,\s*/g, '')
}

for (const name of sources.keys()) add(name)

const folder = join(out, 'assets')
mkdirSync(folder, { recursive: true })

function include(file, body) {
  const path = join(folder, file)
  writeFileSync(path, body)
  return `include_bytes!(${JSON.stringify(path)})`
}

const inOrder = [...assets.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
const entries = inOrder.map(({ name, path, mime, text, body }) => {
  const file = basename(path)
  return `    Asset {
        name: ${JSON.stringify(name)},
        path: ${JSON.stringify(path)},
        mime: ${JSON.stringify(mime)},
        raw: ${include(file, body)},
        br: ${text ? `Some(${include(`${file}.br`, brotliCompressSync(body))})` : 'None'},
        gz: ${text ? `Some(${include(`${file}.gz`, gzipSync(body, { level: 9 }))})` : 'None'},
    },
`
})
const names = inOrder
  .map(({ name, path }) => [name, path])
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map((pair) => `    (${pair.map((text) => JSON.stringify(text)).join(', ')}),\n`)

writeFileSync(
  join(out, 'assets.rs'),
  `/// Everything the program serves below \`/assets/\`, in order of path.
pub static ASSETS: &[Asset] = &[
${entries.join('')}];

/// The path of each asset, in order of name.
static PATHS: &[(&str, &str)] = &[
${names.join('')}];
`
)

// Components draw icons inside the page; their paths come from the same files.
const drawings = readdirSync(join(nhsuk, 'assets/images'))
  .map((file) => [/^nhsuk-icon-([a-z-]+)\.svg$/.exec(file)?.[1], join(nhsuk, 'assets/images', file)])
  .filter(([name]) => name)
  .map(([name, file]) => [name, readFileSync(file, 'utf8').match(/<path[^>]*>/g)?.join('') ?? ''])
writeFileSync(
  join(out, 'icons.rs'),
  `fn paths(name: &str) -> &'static str {
    match name {
${drawings.map(([name, paths]) => `        ${JSON.stringify(name)} => r##"${paths}"##,\n`).join('')}        _ => "",
    }
}
`
)
