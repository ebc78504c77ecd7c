import importX from 'eslint-plugin-import-x';
import rxjsX from 'eslint-plugin-rxjs-x';
import tseslint from 'typescript-eslint';

const nodeGlobals = Object.fromEntries(
  Object.getOwnPropertyNames(globalThis).map((name) => [name, 'readonly']),
);

export default tseslint.config(
  { ignores: ['dist/**', 'coverage/**', 'build/**', 'node_modules/**', 'bench/.build/**'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [
      ...tseslint.configs.strictTypeChecked,
      ...tseslint.configs.stylisticTypeChecked,
      rxjsX.configs.recommended,
    ],
    languageOptions: {
      parserOptions: { project: ['./tsconfig.json', './tsconfig.tools.json', './test/types/tsconfig.json'] },
    },
    rules: {
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // A leading underscore says that a name is there for its place only.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // `void` in a union says of a callback that it may return nothing, which `undefined` does not.
      '@typescript-eslint/no-invalid-void-type': 'off',
    },
  },
  {
    files: ['**/*.{ts,js,mjs}'],
    plugins: { 'import-x': importX },
    rules: {
      'import-x/first': 'error',
      'import-x/newline-after-import': 'error',
      'import-x/no-duplicates': ['error', { 'prefer-inline': true }],
      // Node's modules, then packages, then our own files, each by the alphabet.
      'import-x/order': [
        'error',
        {
          groups: [
            ['builtin', 'external'],
            ['parent', 'sibling', 'index'],
          ],
          'newlines-between': 'always',
          alphabetize: { order: 'asc', orderImportKind: 'ignore' },
          pathGroups: [{ pattern: 'rxmilter{,/**}', group: 'external' }],
        },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // Vitest's matchers, such as expect.any(), are of type any by design.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      // A spy is handed to expect() without being called.
      '@typescript-eslint/unbound-method': 'off',
      // As users do, so that what a test shows can be copied.
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ['**/src/index.js', '**/src/*/index.js'],
              message: "Import from 'rxmilter', or 'rxmilter/…'.",
            },
          ],
        },
      ],
    },
  },
  {
    // Scripts and benches are plain JavaScript. Those that say @ts-check are type-checked by tsc, so this is for the rest.
    files: ['**/*.{js,mjs}'],
    extends: [...tseslint.configs.recommended],
    languageOptions: { globals: nodeGlobals },
    rules: { 'no-undef': 'error', 'prefer-const': 'error', eqeqeq: 'error' },
  },
);
