import { defineConfig } from 'vitest/config';

const inCi = process.env['CI'] === 'true';

// Vitest reads the configuration from a default export; it is the only one here.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Running guests need libvirt and minutes: npm run test:live.
    exclude: process.env['ONESTORAGE_LIVE'] === '1' ? [] : ['test/live/**'],
    globalSetup: ['test/conformance/global-setup.ts'],
    // Real daemons and real qemu-img run beside the tests: two files at a time keep two cores busy.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    // A loaded CI machine may miss a deadline once. What fails twice is broken, and a retry is reported.
    retry: inCi ? 1 : 0,
  },
});
