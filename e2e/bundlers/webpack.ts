/** `webpack --mode production`, with no webpack.config beyond entry and output. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import webpack from 'webpack'
import { type BuiltPage, writePage } from './built-page.js'

/** Advice on size: no concern of this scenario, as the size is measured. */
const sizeAdvice = /^(AssetsOverSizeLimit|EntrypointsOverSizeLimit|NoAsyncChunks)Warning$/

export async function buildWithWebpack(app: string): Promise<BuiltPage> {
  const folder = join(app, 'built-by-webpack')
  const stats = await run({
    context: app,
    mode: 'production',
    entry: './app.js',
    output: { path: folder },
  })
  await mkdir(folder, { recursive: true })
  await writePage(folder, 'script', ['main.js'])
  const { errors, warnings } = stats.compilation
  const complaints = [...errors, ...warnings].filter(({ name }) => !sizeAdvice.test(name))
  return { folder, warnings: complaints.map(({ message }) => message) }
}

function run(configuration: webpack.Configuration): Promise<webpack.Stats> {
  return new Promise((resolve, reject) => {
    const compiler = webpack(configuration)
    if (!compiler) return reject(new Error('webpack made no compiler'))
    compiler.run((error, stats) => {
      // What the compiler holds has to be released whichever way the build went.
      compiler.close((closeError) => {
        if (error ?? closeError) reject(error ?? closeError)
        else resolve(stats!)
      })
    })
  })
}
