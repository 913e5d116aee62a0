// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.MethodDescriptor;

/** Compresses requests. Answers are compressed as the server likes: gzip is always understood. */
final class CompressionInterceptor implements ClientInterceptor {
  @Override
  public <Q, A> ClientCall<Q, A> interceptCall(
      MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
    boolean chosen = options.getCompressor() != null;
    return next.newCall(method, chosen ? options : options.withCompression("gzip"));
  }
}
