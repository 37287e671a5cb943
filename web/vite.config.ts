import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// In development the pages come from Vite and everything under /api from a running server.
const server = process.env.SKANSE_URL ?? "http://localhost:8080";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2023",
    emptyOutDir: false, // dist/.gitkeep must stay, or a fresh clone no longer builds; scripts/clean.mjs empties the rest
    manifest: true,
    reportCompressedSize: false,
  },
  server: {
    port: 5173,
    proxy: { "/api": { target: server, changeOrigin: false } },
  },
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "node" },
});
