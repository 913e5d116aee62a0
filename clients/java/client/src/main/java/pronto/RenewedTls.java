// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.netty.buffer.ByteBufAllocator;
import io.grpc.netty.shaded.io.netty.handler.ssl.ApplicationProtocolNegotiator;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContext;
import java.util.List;
import java.util.function.Supplier;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSessionContext;
import javax.net.ssl.TrustManager;

/**
 * TLS with the files as they are when a connection is made: whoever renews them need not restart
 * the program.
 *
 * <p>Managers that look at the files themselves would not do. A context remembers its sessions, and
 * one that is resumed neither checks the server's certificate nor shows the client's: hence another
 * context once a file has changed. What gRPC has for that looks at the files from a thread, once a
 * minute at most, and resumes, too.
 */
final class RenewedTls extends SslContext {
  private final Supplier<TrustManager> authorities;
  private final Supplier<KeyManager> identity;
  private Made made;

  private record Made(TrustManager authorities, KeyManager identity, SslContext context) {
    static Made of(TrustManager authorities, KeyManager identity) throws SSLException {
      SslContext context =
          GrpcSslContexts.forClient().trustManager(authorities).keyManager(identity).build();
      return new Made(authorities, identity, context);
    }
  }

  /** Suppliers give the same object until there is a new one; null is what the runtime has. */
  RenewedTls(Supplier<TrustManager> authorities, Supplier<KeyManager> identity) {
    this.authorities = authorities;
    this.identity = identity;
    try {
      made = Made.of(authorities.get(), identity.get());
    } catch (SSLException e) {
      throw new IllegalArgumentException("TLS cannot be used so: " + e.getMessage(), e);
    }
  }

  private synchronized SslContext current() {
    TrustManager trusted = authorities.get();
    KeyManager shown = identity.get();
    if (trusted != made.authorities || shown != made.identity) {
      try {
        made = Made.of(trusted, shown);
      } catch (SSLException e) {
        // As with a file that is of no use: what was good last stays.
        return made.context;
      }
    }
    return made.context;
  }

  @Override
  public SSLEngine newEngine(ByteBufAllocator buffers) {
    return current().newEngine(buffers);
  }

  @Override
  public SSLEngine newEngine(ByteBufAllocator buffers, String host, int port) {
    return current().newEngine(buffers, host, port);
  }

  @Override
  public boolean isClient() {
    return true;
  }

  @Override
  public List<String> cipherSuites() {
    return current().cipherSuites();
  }

  // An SslContext must have it, and gRPC asks for it.
  @SuppressWarnings("deprecation")
  @Override
  public ApplicationProtocolNegotiator applicationProtocolNegotiator() {
    return current().applicationProtocolNegotiator();
  }

  @Override
  public SSLSessionContext sessionContext() {
    return current().sessionContext();
  }
}
