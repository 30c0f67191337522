/** How much memory the process has at its most while something goes on in it. */

const sampleEveryMs = 100

/** Resident, in GiB, workers and all. This thread must be free meanwhile: it looks ten times a second. */
export async function withPeakMemory<T>(
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly peakGiB: number }> {
  const markBefore = process.resourceUsage().maxRSS
  let peakBytes = process.memoryUsage.rss()
  const look = () => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
  }
  const sampling = setInterval(look, sampleEveryMs)
  try {
    const value = await work()
    look()
    // The system's own mark misses nothing, and says nothing of this if something else had set it as high before.
    const markAfter = process.resourceUsage().maxRSS
    const peakKiB = markAfter > markBefore ? markAfter : peakBytes / 2 ** 10
    return { value, peakGiB: peakKiB / 2 ** 20 }
  } finally {
    clearInterval(sampling)
  }
}
