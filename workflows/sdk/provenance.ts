export interface Provenance {
  readonly commit?: string;
  /** SHA-256 of `git diff HEAD`, absent when clean. */
  readonly dirtyDiffSha256?: string;
  /** The diff itself when it is at most 64 KiB. */
  readonly dirtyDiff?: string;
  /** Lock file name → SHA-256. */
  readonly lockFiles: Readonly<Record<string, string>>;
  readonly node: string;
  readonly python?: string;
  /** Python package → version. */
  readonly pythonPackages?: Readonly<Record<string, string>>;
  readonly platform: string;
  readonly evertrain: string;
}
