// { ftpcluster, root, home, action, count }: imports the queue files of a cluster, or exports its items.
import { pathToFileURL } from 'node:url'
import { measured, task } from './gate.mjs'

const { openRoot } = await import(pathToFileURL(task.library).href)
const { exportCluster, importCluster } = await import(pathToFileURL(task.ftpcluster).href)
const root = openRoot({ root: task.root })

await measured(async () => {
  const count =
    task.action === 'import'
      ? (await importCluster(root, task.home)).added
      : (await exportCluster(root, task.home)).jobs
  if (count !== task.count) throw new Error(`${count} of ${task.count} jobs`)
  return { count }
})
