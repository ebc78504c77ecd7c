import { EventEmitter } from 'node:events';
import promClient from 'prom-client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { MergedMetrics } from '../../examples/cluster-metrics.mjs';
import { Supervisor, type SupervisorOptions } from '../../examples/cluster-supervisor.mjs';

/** A process that does what the test says. */
class FakeWorker extends EventEmitter {
  connected = true;
  readonly told: unknown[] = [];
  readonly pid: number | undefined;

  constructor(pid: number | undefined) {
    super();
    this.pid = pid;
  }

  serve(): void {
    this.emit('message', { type: 'ready' });
  }

  send(message: object): void {
    this.told.push(message);
  }

  kill(signal: NodeJS.Signals): void {
    this.told.push(signal);
    if (signal === 'SIGKILL') this.end(null, signal);
  }

  end(code: number | null, signal: string | null = null): void {
    this.connected = false;
    this.emit('exit', code, signal);
  }
}

describe('a supervisor', () => {
  const workers: FakeWorker[] = [];
  const lines: string[] = [];

  beforeEach(() => {
    vi.useFakeTimers();
    workers.length = 0;
    lines.length = 0;
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function supervisor(options: Partial<SupervisorOptions> = {}): Supervisor {
    return new Supervisor({
      fork: () => {
        const worker = new FakeWorker(workers.length + 1);
        workers.push(worker);
        return worker;
      },
      workers: 2,
      log: (line) => lines.push(line),
      ...options,
    });
  }

  /** One whose workers serve. */
  async function running(options: Partial<SupervisorOptions> = {}): Promise<Supervisor> {
    const made = supervisor(options);
    const started = made.start();
    for (const worker of workers) worker.serve();
    await started;
    return made;
  }

  const passes = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

  it('has started when all workers serve', async () => {
    const started = vi.fn();
    void supervisor().start().then(started);
    workers[0]?.serve();
    await passes(0);
    expect(started).not.toHaveBeenCalled();
    workers[1]?.serve();
    await passes(0);
    expect(started).toHaveBeenCalledTimes(1);
    expect(lines).toEqual(['worker 1 serves', 'worker 2 serves']);
  });

  it('gives up, with all workers, where one does not come to serve at the start', async () => {
    const started = supervisor().start();
    const failed = expect(started).rejects.toThrow('worker 2 ended before it served: status 1');
    workers[1]?.end(1);
    await passes(0);
    expect(workers[0]?.told).toEqual([{ type: 'stop', grace: 0 }]);
    workers[0]?.end(0);
    await failed;
    expect(workers).toHaveLength(2);
  });

  it('kills a worker that takes too long to serve', async () => {
    const started = supervisor({ workers: 1, readyWithin: 1000 }).start();
    const failed = expect(started).rejects.toThrow('worker 1 did not serve within 1000 ms');
    await passes(1000);
    await failed;
    expect(workers[0]?.told).toEqual(['SIGKILL']);
  });

  it('has another worker for one that ends, after pauses that double up to the longest', async () => {
    await running({ workers: 1, first: 100, longest: 300 });
    for (const pause of [100, 200, 300, 300]) {
      const before = workers.length;
      workers.at(-1)?.end(null, 'SIGSEGV');
      await passes(pause - 1);
      expect(workers).toHaveLength(before);
      await passes(1);
      expect(workers).toHaveLength(before + 1);
    }
  });

  it('tries again where the system has no room for another process, and survives what it cannot say', async () => {
    let room = true;
    const made = await running({
      workers: 1,
      first: 100,
      fork: () => {
        const worker = new FakeWorker(room ? workers.length + 1 : undefined);
        workers.push(worker);
        if (!room) {
          worker.connected = false;
          process.nextTick(() => worker.emit('error', new Error('spawn EAGAIN')));
        }
        return worker;
      },
    });
    room = false;
    workers[0]?.end(1);
    await passes(100);
    expect([workers.length, made.running]).toEqual([2, 0]);
    room = true;
    await passes(200);
    expect([workers.length, made.running]).toEqual([3, 1]);
    // Told to one that has just died: it has not ended for this process yet.
    workers[2]?.emit('error', new Error('write EPIPE'));
    expect(made.running).toBe(1);
  });

  it('tries again where a process cannot even be asked for', async () => {
    let room = true;
    const made = await running({
      workers: 1,
      first: 100,
      fork: () => {
        if (!room) throw new Error('spawn ENOMEM');
        const worker = new FakeWorker(workers.length + 1);
        workers.push(worker);
        return worker;
      },
    });
    room = false;
    workers[0]?.end(1);
    await passes(100);
    room = true;
    await passes(200);
    expect([workers.length, made.running]).toEqual([2, 1]);
  });

  it('takes one for gone when it has been heard out', async () => {
    const heard: string[] = [];
    await running({
      workers: 1,
      onMessage: ({ type }: { type: string }) => heard.push(type),
      onEnd: () => heard.push('gone'),
    });
    const [worker] = workers;
    // Node may tell of the end before it has read all that was sent.
    worker?.emit('exit', 0, null);
    await passes(0);
    worker?.emit('message', { type: 'metrics' });
    worker?.emit('disconnect');
    expect(heard).toEqual(['ready', 'metrics', 'gone']);
  });

  it('takes the end of one that has run for long for a first one', async () => {
    await running({ workers: 1, first: 100, longest: 1000, steady: 5000 });
    workers[0]?.end(1);
    await passes(100);
    workers[1]?.end(1);
    await passes(200);
    workers[2]?.serve();
    await passes(5000);
    workers[2]?.end(1);
    await passes(100);
    expect(workers).toHaveLength(4);
  });

  it('restarts them one by one, a new one before the old one', async () => {
    const made = await running({ grace: 7000 });
    const restarted = vi.fn();
    void made.restart().then(restarted);
    const stop = [{ type: 'stop', grace: 7000 }];
    await passes(0);
    expect([workers.length, workers[0]?.told]).toEqual([3, []]);
    workers[2]?.serve();
    await passes(0);
    expect([workers.length, workers[0]?.told, workers[1]?.told]).toEqual([4, stop, []]);
    workers[3]?.serve();
    await passes(0);
    expect(workers[1]?.told).toEqual(stop);
    expect(restarted).toHaveBeenCalledTimes(1);
    workers[0]?.end(0);
    workers[1]?.end(0);
    await passes(100_000);
    expect(workers).toHaveLength(4);
    expect(made.running).toBe(2);
  });

  it('restarts no further where a new worker fails, and can be told so again', async () => {
    const made = await running();
    const restarted = made.restart();
    await passes(0);
    workers[2]?.end(1);
    await restarted;
    expect([workers[0]?.told, workers[1]?.told]).toEqual([[], []]);
    expect(lines.at(-1)).toContain('restart given up');
    void made.restart();
    await passes(0);
    expect(workers).toHaveLength(4);
  });

  it('needs no other worker for one that crashes while its successor starts', async () => {
    const made = await running({ workers: 1 });
    const restarted = made.restart();
    await passes(0);
    workers[0]?.end(null, 'SIGKILL');
    await passes(50);
    workers[1]?.serve();
    await restarted;
    await passes(100_000);
    expect(workers).toHaveLength(2);
  });

  it('kills those that do not end in time', async () => {
    const made = await running({ endWithin: 1000 });
    const stopped = made.stop();
    workers[0]?.end(0);
    await passes(1000);
    await stopped;
    expect(workers[1]?.told).toEqual([{ type: 'stop', grace: 0 }, 'SIGKILL']);
    await passes(100_000);
    expect(workers).toHaveLength(2);
  });

  it('kills a worker of which nothing is heard any more, and has another one', async () => {
    await running({ workers: 1, silentFor: 1000, first: 100 });
    for (let second = 0; second < 5; second++) {
      await passes(999);
      workers[0]?.emit('message', { type: 'metrics' });
    }
    expect(workers[0]?.told).toEqual([]);
    await passes(1000);
    expect(workers[0]?.told).toEqual(['SIGKILL']);
    expect(lines).toContain('worker 1 is silent');
    await passes(100);
    expect(workers).toHaveLength(2);
  });

  it('survives that a worker cannot be started, or told anything', async () => {
    await running({ workers: 1, first: 100 });
    workers[0]?.emit('error', new Error('the channel is closed'));
    workers[0]?.end(1);
    await passes(100);
    const broken = workers[1];
    Object.assign(broken ?? {}, { pid: undefined });
    broken?.emit('error', new Error('spawn EAGAIN'));
    await passes(200);
    expect(workers).toHaveLength(3);
    expect(lines).toContain('worker 1: Error: the channel is closed');
  });

  it('starts nobody any more once it stops, however it was going to', async () => {
    const made = await running({ workers: 1 });
    workers[0]?.end(1);
    await passes(0);
    await made.stop();
    await made.restart();
    await passes(100_000);
    expect(workers).toHaveLength(1);
  });
});

describe('merged metrics', () => {
  /** What a worker reports that has counted so much, and has so much open. */
  function report(counted: number, open: number): Parameters<MergedMetrics['set']>[1] {
    const values = (value: number): object[] => [{ value, labels: { stage: 'eom' } }];
    return JSON.parse(
      JSON.stringify([
        { name: 'mails_total', help: 'Mails', type: 'counter', aggregator: 'sum', values: values(counted) },
        { name: 'open', help: 'Open', type: 'gauge', aggregator: 'sum', values: values(open) },
      ]),
    ) as Parameters<MergedMetrics['set']>[1];
  }

  async function lines(merged: MergedMetrics): Promise<string[]> {
    return (await merged.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  }

  it('are the sum of what the workers said last', async () => {
    const merged = new MergedMetrics();
    const [one, other] = [{}, {}];
    merged.set(one, report(10, 1));
    merged.set(other, report(5, 2));
    merged.set(one, report(11, 3));
    expect(await lines(merged)).toEqual(['mails_total{stage="eom"} 16', 'open{stage="eom"} 5']);
  });

  it('keep what workers have counted that have ended, and not what they had open', async () => {
    const merged = new MergedMetrics();
    for (let count = 1; count <= 3; count++) {
      const worker = {};
      merged.set(worker, report(10, 1));
      merged.end(worker);
      expect(await lines(merged)).toEqual([`mails_total{stage="eom"} ${10 * count}`]);
    }
    merged.set({}, report(1, 1));
    merged.end({});
    const twice = await Promise.all([lines(merged), lines(merged)]);
    expect(twice).toEqual(Array(2).fill(['mails_total{stage="eom"} 31', 'open{stage="eom"} 1']));
  });

  it('count nothing twice where a worker is heard after its end', async () => {
    const merged = new MergedMetrics();
    const worker = {};
    merged.set(worker, report(10, 1));
    merged.end(worker);
    merged.set(worker, report(11, 1));
    expect(await lines(merged)).toEqual(['mails_total{stage="eom"} 10']);
  });

  it('are what Prometheus reads', async () => {
    const register = new promClient.Registry();
    new promClient.Counter({ name: 'mails_total', help: 'Mails', registers: [register] }).inc(3);
    new promClient.Histogram({ name: 'seconds', help: 'Time', buckets: [1], registers: [register] }).observe(
      0.5,
    );
    const merged = new MergedMetrics();
    const metrics = JSON.parse(JSON.stringify(await register.getMetricsAsJSON())) as ReturnType<
      typeof report
    >;
    merged.set({}, metrics);
    merged.set({}, metrics);
    expect(await merged.text()).toBe(
      [
        ...['# HELP mails_total Mails', '# TYPE mails_total counter', 'mails_total 6', ''],
        ...['# HELP seconds Time', '# TYPE seconds histogram'],
        ...[
          'seconds_bucket{le="1"} 2',
          'seconds_bucket{le="+Inf"} 2',
          'seconds_sum 1',
          'seconds_count 2',
          '',
        ],
      ].join('\n'),
    );
  });
});
