// SPDX-License-Identifier: Apache-2.0

// Every message, enum and service of the package `pronto.v1`.
export * from "./gen/pronto/v1/accounts_pb.js";
export * from "./gen/pronto/v1/common_pb.js";
export * from "./gen/pronto/v1/contacts_pb.js";
export * from "./gen/pronto/v1/deliveries_pb.js";
export * from "./gen/pronto/v1/errors_pb.js";
export * from "./gen/pronto/v1/jobs_pb.js";
export * from "./gen/pronto/v1/leads_pb.js";
export * from "./gen/pronto/v1/lists_pb.js";
export * from "./gen/pronto/v1/locations_pb.js";
export * from "./gen/pronto/v1/personas_pb.js";
export * from "./gen/pronto/v1/results_pb.js";
export * from "./gen/pronto/v1/sandbox_pb.js";
export * from "./gen/pronto/v1/searches_pb.js";
export * from "./gen/pronto/v1/signals_pb.js";
export * from "./gen/pronto/v1/upstream_pb.js";
export * from "./gen/pronto/v1/usage_pb.js";
export * from "./gen/pronto/v1/workspace_pb.js";
