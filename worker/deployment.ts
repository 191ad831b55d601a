import type { Client } from '@temporalio/client';
import { isGrpcServiceError } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';

/** `<deployment>:<build>` */
const versionAttribute = defineSearchAttributeKey('TemporalWorkerDeploymentVersion', 'KEYWORD');

/** One build of a project's workflow code, as Temporal's Worker Versioning names it. */
export interface Build {
  readonly deployment: string;
  readonly build: string;
}

/** Makes a build the one that new runs start on. Its worker must be polling; waits up to 10 s until the server knows it. */
export async function setCurrentBuild(client: Client, { deployment, build }: Build): Promise<void> {
  const { namespace } = client.options;
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      await client.workflowService.setWorkerDeploymentCurrentVersion({
        namespace,
        deploymentName: deployment,
        buildId: build,
        ignoreMissingTaskQueues: true,
      });
      return;
    } catch (error) {
      // NOT_FOUND and FAILED_PRECONDITION: the server has not seen a poll of this build yet.
      if (!isGrpcServiceError(error) || Date.now() > deadline) throw error;
      await new Promise((wake) => setTimeout(wake, 100));
    }
  }
}

/** Whether new runs start on it. */
export async function isCurrentBuild(client: Client, { deployment, build }: Build): Promise<boolean> {
  const { namespace } = client.options;
  const described = await client.workflowService.describeWorkerDeployment({ namespace, deploymentName: deployment });
  return described.workerDeploymentInfo?.routingConfig?.currentDeploymentVersion?.buildId === build;
}

/** Builds that open runs stay with, whether or not a worker serves them. */
export async function buildsInUse(client: Client, deployment: string): Promise<string[]> {
  const query = `ExecutionStatus = 'Running' AND TemporalWorkflowVersioningBehavior = 'Pinned'`;
  const builds = new Set<string>();
  for await (const run of client.workflow.list({ query })) {
    // A list carries no `versioningInfo`, on server 1.29 at least: only the search attribute tells.
    const version = run.typedSearchAttributes.get(versionAttribute);
    if (version?.startsWith(`${deployment}:`)) builds.add(version.slice(deployment.length + 1));
  }
  return [...builds];
}
