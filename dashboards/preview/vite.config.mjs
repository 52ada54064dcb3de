import react from '@vitejs/plugin-react';

export default {
  plugins: [react()],
  define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 1e6,
    rollupOptions: { onwarn: (warning, warn) => warning.code === 'INVALID_ANNOTATION' || warn(warning) }, // a comment in zod
  },
  logLevel: 'warn',
};
