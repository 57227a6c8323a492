import js from '@eslint/js'
import tseslint from 'typescript-eslint'

/** The floors of lib/, from the ground up. A file imports from its own floor and those below it. */
const floors = [
  ['errors.ts', 'settings.ts'],
  ['name', 'posix'],
  ['queue'],
  ['work'],
  ['root'],
  ['upkeep'],
  ['remote'],
  ['adapters', 'testing', 'opentelemetry'],
  ['cli'],
]

const filesOnlyInPosix = {
  group: [
    'fs',
    'node:fs',
    'fs/promises',
    'node:fs/promises',
    'child_process',
    'node:child_process',
  ],
  message: 'Only lib/posix touches the operating system.',
}

const houseRules = floors.flatMap((folders, floor) =>
  folders
    .filter((folder) => !folder.endsWith('.ts'))
    .map((folder) => {
      const others = [...floors.slice(floor + 1).flat(), ...folders].filter((x) => x !== folder)
      const upwards = {
        group: others.map((name) => `**/${name}/**`),
        message: 'Imports only go down: see CONTRIBUTING.md, "The house".',
      }
      const patterns = [
        ...(others.length > 0 ? [upwards] : []),
        ...(folder === 'posix' ? [] : [filesOnlyInPosix]),
      ]
      return {
        files: [`lib/${folder}/**`],
        rules: { 'no-restricted-imports': ['error', { patterns }] },
      }
    }),
)

export default tseslint.config(
  { ignores: ['dist/', 'dist.*/', 'docs/api/', '.tap/', 'node_modules/'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // An async function without await is how a synchronous step keeps the shape of its siblings:
      // what it throws becomes a rejection.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/only-throw-error': 'off',
      'no-control-regex': 'off',
      'no-console': 'error',
      // How an object is copied without one of its members.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
    },
  },
  ...houseRules,
  {
    files: ['**/*.mjs', '**/*.cjs', '**/*.js'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      globals: Object.fromEntries(
        ['process', 'console', 'URL', 'Buffer', 'performance', 'fetch', 'AbortController'].map(
          (name) => [name, 'readonly'],
        ),
      ),
    },
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/*.cts'],
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  {
    files: ['test/**', 'bench/**', 'examples/**', 'scripts/**'],
    rules: { 'no-console': 'off', '@typescript-eslint/no-floating-promises': 'off' },
  },
)
