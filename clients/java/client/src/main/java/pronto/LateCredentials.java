// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.CallCredentials;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.concurrent.Executor;

/**
 * gRPC's credentials of a call, with those of the client that they lack. gRPC asks for them when a
 * call has begun; the client's would then be sent beside them, and the server refuses two.
 */
final class LateCredentials extends CallCredentials {
  private final CallCredentials own;
  private final CredentialsInterceptor client;
  private volatile Metadata headers;

  LateCredentials(CallCredentials own, CredentialsInterceptor client) {
    this.own = own;
    this.client = client;
  }

  /** The headers that the call begins with. */
  void expect(Metadata begun) {
    headers = begun;
  }

  @Override
  public void applyRequestMetadata(RequestInfo info, Executor executor, MetadataApplier applier) {
    own.applyRequestMetadata(
        info,
        executor,
        new MetadataApplier() {
          @Override
          public void apply(Metadata brought) {
            // A copy: what was brought is the caller's, and may be brought to other servers, too.
            Metadata all = new Metadata();
            all.merge(brought);
            client.add(all, headers);
            applier.apply(all);
          }

          @Override
          public void fail(Status status) {
            applier.fail(status);
          }
        });
  }
}
