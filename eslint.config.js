import js from '@eslint/js';
import globals from 'globals';

export default [
  {
    ignores: [
      'target/**',
      'fuzz/**',
      'pkg/**',
      'book/**',
      'node_modules/**',
      'src/**',
      'scripts/golden/**',
      'web/samples/**',
    ],
  },
  js.configs.recommended,
  {
    files: ['web/**/*.js'],
    languageOptions: { globals: { ...globals.browser, ...globals.worker } },
  },
  {
    files: ['web/offline/*.js'],
    languageOptions: { globals: { BUILD: 'readonly' } },
  },
  {
    files: ['service-worker.js'],
    languageOptions: { globals: { ...globals.serviceworker, unnoiseOffline: 'readonly' } },
  },
  {
    files: ['scripts/**/*.mjs', 'eslint.config.js'],
    languageOptions: { globals: globals.node },
  },
  {
    files: [
      'scripts/benchmarks/**/*.js',
      'scripts/host-time.d/**/*.js',
      'scripts/soak.d/exercises.mjs',
      'scripts/first-images.d/run.mjs',
    ],
    languageOptions: { globals: { ...globals.browser, ...globals.worker } },
  },
  {
    // What a test gives to `page.evaluate` runs in the browser.
    files: ['tests/**/*.mjs'],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
  },
  {
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
];
