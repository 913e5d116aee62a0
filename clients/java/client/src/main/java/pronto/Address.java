// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.ManagedChannelBuilder;
import java.net.URI;
import java.net.URISyntaxException;

/** Where a server is. */
sealed interface Address {
  /** Whether what is sent there stays on this machine. */
  boolean local();

  ManagedChannelBuilder<?> channel(ChannelCredentials credentials);

  /** Reads {@code host:port} or {@code unix:path}. */
  static Address parse(String target) {
    return target.startsWith("unix:") ? Unix.parse(target) : Tcp.parse(target);
  }

  /** A Unix socket. */
  record Unix(String path) implements Address {
    static Unix parse(String target) {
      String path = target.replaceFirst("^unix:(//)?", "");
      // Behind `//` a relative path would lose its first folder as a host's name.
      if (path.isEmpty() || target.startsWith("unix://") && !path.startsWith("/")) {
        throw new IllegalArgumentException(
            "not an address: \"" + target + "\"; write unix:PATH or unix:///ABSOLUTE/PATH");
      }
      return new Unix(path);
    }

    @Override
    public boolean local() {
      return true;
    }

    @Override
    public ManagedChannelBuilder<?> channel(ChannelCredentials credentials) {
      // Otherwise the authority is made of the path, which servers refuse.
      return Grpc.newChannelBuilder(uri(), credentials).overrideAuthority("localhost");
    }

    /** gRPC takes a URI, in which a space, a percent sign and others must be escaped. */
    private String uri() {
      try {
        URI uri =
            path.startsWith("/")
                ? new URI("unix", null, path, null, null)
                : new URI("unix", path, null);
        return uri.toASCIIString();
      } catch (URISyntaxException e) {
        throw new IllegalArgumentException("not a path of a socket: \"" + path + "\"", e);
      }
    }
  }

  /** A host, by name or number, and a port. */
  record Tcp(String host, int port) implements Address {
    private static final String HOST = "\\[[0-9a-fA-F:.]+]|[^:/\\[\\]\\s]+";

    static Tcp parse(String target) {
      int colon = target.lastIndexOf(':');
      String host = target.substring(0, Math.max(colon, 0));
      String port = target.substring(colon + 1);
      if (!host.matches(HOST) || !port.matches("\\d{1,5}") || Integer.parseInt(port) > 65535) {
        throw new IllegalArgumentException(
            "not an address: \"" + target + "\"; write HOST:PORT or unix:PATH");
      }
      return new Tcp(host, Integer.parseInt(port));
    }

    /** By its spelling only: what a name resolves to may be another address the next time. */
    @Override
    public boolean local() {
      return host.equalsIgnoreCase("localhost")
          || host.matches("127(\\.\\d{1,3}){3}")
          || host.matches("\\[(0*:)*(:0*)*0*1]") && host.contains(":");
    }

    @Override
    public ManagedChannelBuilder<?> channel(ChannelCredentials credentials) {
      return Grpc.newChannelBuilderForAddress(host.replaceAll("[\\[\\]]", ""), port, credentials);
    }
  }
}
