/**
 * A store in a bucket of an S3 server: AWS, or anything that speaks its protocol and honours If-Match on PutObject.
 *
 * Objects carry their sha256 as S3's own checksum, so that a look at the head tells the contents. What never changes
 * is cached for ever, everything else is asked for anew by every cache (Cache-Control).
 */
import type { CopyObjectCommandOutput, HeadObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { BucketAddress } from '../../location';
import { meter } from '../formats/meter';
import { contentType } from './contentType';
import {
  Body,
  checkKey,
  ConflictError,
  digestInKey,
  ImmutableError,
  ListedObject,
  ObjectHead,
  Store,
} from './store';

type Address = Extract<BucketAddress, { kind: 's3' }>;
type Sdk = typeof import('@aws-sdk/client-s3');

/** Larger files go up in parts of this size, bytes: a part is what a lost connection costs. */
const PART = 8 * 1024 * 1024;
/** Such files at the same time, of all stores of the process: each holds some parts in memory. */
const inParts = pLimit(2);
/** Tries per request, with the SDK's exponential backoff between them. */
const TRIES = 6;
const FOR_EVER = 'public, max-age=31536000, immutable';
const REVALIDATE = 'no-cache';

const statusOf = (error: unknown) =>
  (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
/** AWS answers 409 where two conditional writes overlap. */
const isConflict = (error: unknown) => [409, 412].includes(statusOf(error) ?? 0);

const base64 = (hex: string) => Buffer.from(hex, 'hex').toString('base64');
const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

async function digestFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** The SDK is loaded at the first request: a stack with a folder makes none. */
let sdk: Promise<Sdk> | undefined;
function loadSdk(): Promise<Sdk> {
  // Node's version is the project's to choose; the notice would stand in every run.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  return (sdk ??= import('@aws-sdk/client-s3'));
}

export class S3Store implements Store {
  private connected?: Promise<S3Client>;
  private bucketSeen?: Promise<void>;

  constructor(
    private readonly address: Address,
    readonly url: string,
  ) {}

  private client(): Promise<S3Client> {
    this.connected ??= loadSdk().then(({ S3Client }) => {
      const { endpoint, region } = this.address;
      return new S3Client({
        ...(endpoint && { endpoint, forcePathStyle: true }),
        // A server of one's own has no regions, but a signature has one.
        ...(region ? { region } : endpoint && { region: process.env.AWS_REGION ?? 'us-east-1' }),
        maxAttempts: TRIES,
        requestHandler: { connectionTimeout: 5_000, requestTimeout: 120_000 },
        // We give the checksums that we want kept.
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
      });
    });
    return this.connected;
  }

  /** Bucket and key of a request. */
  private at(key: string): { Bucket: string; Key: string } {
    checkKey(key);
    const { bucket, prefix } = this.address;
    return { Bucket: bucket, Key: prefix ? `${prefix}/${key}` : key };
  }

  /** Runs a request; every error says which bucket it is of. */
  private async ask<T>(what: string, request: (client: S3Client, sdk: Sdk) => Promise<T>): Promise<T> {
    const [client, commands] = await Promise.all([this.client(), loadSdk()]);
    try {
      return await request(client, commands);
    } catch (error) {
      if ((error as Error).name === 'NoSuchBucket') throw this.withoutBucket(error);
      if (statusOf(error) === 404 || isConflict(error)) throw error;
      const { name, message } = error as Error;
      const { bucket, endpoint } = this.address;
      const where = endpoint ? `the bucket ${bucket} of ${endpoint}` : `the bucket ${bucket}`;
      const detail = name && !message.includes(name) ? `${name}: ${message}` : message;
      const status = statusOf(error) === undefined ? '' : ` (HTTP ${statusOf(error)})`;
      throw new Error(`${where}: cannot ${what}: ${detail || 'no answer'}${status}`, { cause: error });
    }
  }

  /** Undefined where there is no such object; a bucket that is not there is an error. */
  private async unlessAbsent<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await work;
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
      this.bucketSeen ??= this.checkBucket();
      await this.bucketSeen;
      return undefined;
    }
  }

  private async checkBucket(): Promise<void> {
    const { bucket: Bucket } = this.address;
    try {
      await this.ask('be reached', (client, { HeadBucketCommand }) =>
        client.send(new HeadBucketCommand({ Bucket })),
      );
    } catch (error) {
      throw statusOf(error) === 404 ? this.withoutBucket(error) : error;
    }
  }

  private withoutBucket(cause: unknown): Error {
    const { bucket, endpoint } = this.address;
    return new Error(
      `there is no bucket ${bucket}${endpoint ? ` on ${endpoint}` : ''}; make it, or name another`,
      { cause },
    );
  }

  async get(key: string) {
    return this.unlessAbsent(
      this.transfer(`read ${key}`, async (client, { GetObjectCommand }) => {
        const answer = await client.send(new GetObjectCommand(this.at(key)));
        const body = Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
        if (body.length !== answer.ContentLength) throw new Error(`${key} was cut off`);
        return { body, etag: answer.ETag ?? '' };
      }),
    );
  }

  /** A request whose answer is a stream: the SDK tries again until it begins, we where it is cut. */
  private async transfer<T>(what: string, request: (client: S3Client, sdk: Sdk) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.ask(what, request);
      } catch (error) {
        // With a status the server has answered, and the SDK has tried as often as it is worth.
        const isFinal = statusOf(error) ?? statusOf((error as Error).cause);
        if (isFinal !== undefined || attempt === 3) throw error;
        await setTimeout(200 * 2 ** attempt);
      }
    }
  }

  private look(key: string): Promise<HeadObjectCommandOutput | undefined> {
    return this.unlessAbsent(
      this.ask(`look at ${key}`, (client, { HeadObjectCommand }) =>
        client.send(new HeadObjectCommand({ ...this.at(key), ChecksumMode: 'ENABLED' })),
      ),
    );
  }

  async head(key: string): Promise<ObjectHead | undefined> {
    const found = await this.look(key);
    if (!found) return undefined;
    const sha256 = checksumOf(found);
    return { size: found.ContentLength ?? 0, etag: found.ETag ?? '', ...(sha256 && { sha256 }) };
  }

  async download(key: string, toFile: string) {
    const found = await this.unlessAbsent(
      this.transfer(`download ${key}`, async (client, { GetObjectCommand }) => {
        const answer = await client.send(new GetObjectCommand(this.at(key)));
        await pipeline(answer.Body as Readable, createWriteStream(toFile));
        if ((await fs.stat(toFile)).size !== answer.ContentLength) throw new Error(`${key} was cut off`);
        return true;
      }),
    );
    if (!found) throw new Error(`${this.url}/${key} does not exist.`);
  }

  async putImmutable(key: string, body: Body) {
    const wanted = Buffer.isBuffer(body) ? digest(body) : await digestFile(body.file);
    const named = digestInKey(key);
    if (named !== undefined && named !== wanted)
      throw new ImmutableError(`${key} names another digest than that of its contents, ${wanted}.`);
    const size = Buffer.isBuffer(body) ? body.length : (await fs.stat(body.file)).size;
    const found = await this.head(key);
    if (found?.size === size && (found.sha256 ?? (await this.digestOf(key))) === wanted) return;
    if (found && named === undefined)
      throw new ImmutableError(`${this.url}/${key} exists with other contents, and must not change.`);
    await this.write(key, body, wanted, FOR_EVER);
  }

  private digestOf(key: string): Promise<string | undefined> {
    return this.unlessAbsent(
      this.transfer(`read ${key}`, async (client, { GetObjectCommand }) => {
        const answer = await client.send(new GetObjectCommand(this.at(key)));
        const { stream, found } = meter();
        await pipeline(answer.Body as Readable, stream.resume());
        if (found.size !== answer.ContentLength) throw new Error(`${key} was cut off`);
        return found.sha256();
      }),
    );
  }

  async put(key: string, body: Body) {
    await this.write(
      key,
      body,
      Buffer.isBuffer(body) ? digest(body) : await digestFile(body.file),
      REVALIDATE,
    );
  }

  private async write(key: string, body: Body, sha256: string, cache: string): Promise<void> {
    const isLarge = !Buffer.isBuffer(body) && (await fs.stat(body.file)).size > PART;
    const object = {
      ...this.at(key),
      ContentType: contentType(key),
      CacheControl: cache,
      Metadata: { sha256 },
    };
    await this.ask(`write ${key}`, async (client, { PutObjectCommand }) => {
      if (isLarge) {
        const { Upload } = await import('@aws-sdk/lib-storage');
        await inParts(() => {
          const Body = createReadStream(body.file);
          // The checksum of parts is one of each part; the whole's is in the metadata.
          const params = { ...object, Body, ChecksumAlgorithm: 'SHA256' as const };
          return new Upload({ client, params, partSize: PART, queueSize: 2 }).done();
        });
        return;
      }
      const Body = Buffer.isBuffer(body) ? body : await fs.readFile(body.file);
      await client.send(new PutObjectCommand({ ...object, Body, ChecksumSHA256: base64(sha256) }));
    });
  }

  async compareAndSwap(key: string, body: Buffer, etag: string | undefined) {
    const sha256 = digest(body);
    // Tells our write from another of the same bytes.
    const writer = randomUUID();
    try {
      const answer = await this.ask(`write ${key}`, (client, { PutObjectCommand }) =>
        client.send(
          new PutObjectCommand({
            ...this.at(key),
            ...(etag === undefined ? { IfNoneMatch: '*' } : { IfMatch: etag }),
            Body: body,
            ChecksumSHA256: base64(sha256),
            Metadata: { sha256, writer },
            ContentType: contentType(key),
            CacheControl: REVALIDATE,
          }),
        ),
      );
      return answer.ETag ?? '';
    } catch (error) {
      // 404: there is nothing to match any more.
      if (!isConflict(error) && statusOf(error) !== 404) throw error;
      // Our own write may have been done and its answer lost; the next try met its result.
      const found = await this.look(key);
      if (found?.Metadata?.writer === writer) return found.ETag ?? '';
      throw new ConflictError(key);
    }
  }

  async copy(from: string, to: string) {
    await this.copyFrom(this, from, to);
  }

  /** Whether this server can copy from that bucket by itself. */
  isBeside(other: Store): other is S3Store {
    return other instanceof S3Store && other.address.endpoint === this.address.endpoint;
  }

  /** Copies from a bucket of the same server without a transfer; an error when `from` is missing. */
  async copyFrom(other: S3Store, from: string, to: string) {
    const source = other.at(from);
    const head = await other.head(from);
    const copied =
      head &&
      (await this.unlessAbsent(
        this.ask<CopyObjectCommandOutput>(`copy ${from} to ${to}`, (client, { CopyObjectCommand }) =>
          client.send(
            new CopyObjectCommand({
              ...this.at(to),
              CopySource: `${source.Bucket}/${encodeURIComponent(source.Key)}`,
              MetadataDirective: 'REPLACE',
              ...(head.sha256 && { Metadata: { sha256: head.sha256 } }),
              ChecksumAlgorithm: 'SHA256',
              ContentType: contentType(to),
              CacheControl: digestInKey(to) ? FOR_EVER : REVALIDATE,
            }),
          ),
        ),
      ));
    if (!copied) throw new Error(`${other.url}/${from} does not exist.`);
  }

  async list(prefix: string) {
    return (await this.listObjects(prefix)).map(({ key }) => key);
  }

  async listObjects(prefix: string) {
    if (prefix !== '') checkKey(prefix.replace(/\/$/, ''));
    const { bucket: Bucket, prefix: own } = this.address;
    const skip = own ? `${own}/` : '';
    const found: ListedObject[] = [];
    const listed = await this.unlessAbsent(
      this.ask(`list ${prefix}`, async (client, { paginateListObjectsV2 }) => {
        found.length = 0;
        const pages = paginateListObjectsV2({ client }, { Bucket, Prefix: `${skip}${prefix}` });
        for await (const { Contents = [] } of pages) {
          for (const { Key = '', Size = 0, LastModified = new Date(0) } of Contents) {
            if (!Key.endsWith('/'))
              found.push({ key: Key.slice(skip.length), size: Size, modified: LastModified });
          }
        }
        return true;
      }),
    );
    if (!listed) await this.checkBucket();
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async now() {
    const { bucket: Bucket } = this.address;
    let date = '';
    await this.ask('be asked for its time', (client, { HeadBucketCommand }) => {
      const command = new HeadBucketCommand({ Bucket });
      // The SDK shows no headers.
      command.middlewareStack.add(
        (next) => async (given) => {
          const answer = await next(given);
          date = (answer.response as { headers?: Record<string, string> }).headers?.date ?? '';
          return answer;
        },
        { step: 'deserialize', priority: 'low' },
      );
      return client.send(command);
    });
    const found = new Date(date);
    if (!Number.isNaN(found.getTime())) return found;
    throw new Error(`the bucket ${Bucket} does not say what time it has (HTTP header Date)`);
  }

  async delete(key: string, etag?: string) {
    try {
      await this.ask(`delete ${key}`, (client, { DeleteObjectCommand }) =>
        client.send(
          new DeleteObjectCommand({ ...this.at(key), ...(etag !== undefined && { IfMatch: etag }) }),
        ),
      );
    } catch (error) {
      if (etag !== undefined && (isConflict(error) || statusOf(error) === 404)) throw new ConflictError(key);
      if (statusOf(error) !== 404) throw error;
    }
  }
}

/** Hex digest of the whole object; a multipart upload's checksum is one of checksums, its metadata tells. */
function checksumOf(head: HeadObjectCommandOutput): string | undefined {
  const { ChecksumSHA256: found, ChecksumType: type, Metadata } = head;
  if (found && type !== 'COMPOSITE' && !found.includes('-'))
    return Buffer.from(found, 'base64').toString('hex');
  return Metadata?.sha256;
}
