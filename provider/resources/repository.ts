/** placeholder types until publish lands */
export interface RepositoryPackage {
  name: string;
  version: string;
  fileName: string;
  aliases: string[];
  latestAliases: string[];
  sha256: string;
  size: number;
  key: string;
}
export interface RepositoryInputs {
  [k: string]: unknown;
  bucket: string;
}
export interface RepositoryOutputs {
  files: Record<string, { url: string; sha256: string; size: number; aliasOf?: string }>;
  url: string;
}
