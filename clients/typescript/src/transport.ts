// SPDX-License-Identifier: Apache-2.0

import type { DescMessage } from "@bufbuild/protobuf";
import type { StreamResponse, Transport } from "@connectrpc/connect";

import { ProntoError } from "./errors.js";

/**
 * A transport whose errors are ProntoErrors. This is no interceptor because Connect
 * replaces what interceptors throw when a call was cancelled or ran out of time.
 */
export function withTypedErrors(transport: Transport): Transport {
  return {
    unary: (...call) => transport.unary(...call).catch(rethrow),
    stream: async (...call) => {
      const response = await transport.stream(...call).catch(rethrow);
      return typedStream(response);
    },
  };
}

function typedStream<I extends DescMessage, O extends DescMessage>(
  response: StreamResponse<I, O>,
): StreamResponse<I, O> {
  return { ...response, message: typedMessages(response.message) };
}

async function* typedMessages<T>(messages: AsyncIterable<T>): AsyncGenerator<T, void> {
  try {
    yield* messages;
  } catch (thrown) {
    throw ProntoError.from(thrown);
  }
}

function rethrow(thrown: unknown): never {
  throw ProntoError.from(thrown);
}
