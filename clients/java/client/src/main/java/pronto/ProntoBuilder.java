// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettySslContextChannelCredentials;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import javax.net.ssl.KeyManager;
import javax.net.ssl.TrustManager;

/** How to connect. Made by {@link Pronto#builder}; {@link #connect} makes the client. */
public final class ProntoBuilder {
  /** What the server sends by default at most is 32 MiB. */
  private static final int MAX_MESSAGE_BYTES = 64 << 20;

  /** The details of an error are up to 8 KiB, and more as text in a trailer. */
  private static final int MAX_METADATA_BYTES = 64 << 10;

  private String target = "localhost:50051";
  private boolean tls;
  private Supplier<TrustManager> authorities = () -> null;
  private Supplier<KeyManager> identity = () -> null;
  private Token token;
  private Path tokenFile;
  private String apiKey;
  private boolean allowInsecure;
  private boolean gzip;
  private final List<ClientInterceptor> interceptors = new ArrayList<>();

  ProntoBuilder() {}

  /**
   * Where the server is; {@code localhost:50051} by default.
   *
   * @param address {@code host:port}, {@code unix:path} or {@code unix:///path}. Unix sockets need
   *     Linux
   * @return this
   */
  public ProntoBuilder target(String address) {
    target = Objects.requireNonNull(address);
    return this;
  }

  /**
   * Connects with TLS. The server's certificate is checked with the certificate authorities of the
   * Java runtime.
   *
   * @return this
   */
  public ProntoBuilder tls() {
    tls = true;
    return this;
  }

  /**
   * Connects with TLS, and checks the server's certificate with these certificate authorities only.
   * A file that changes is read again for the next connection.
   *
   * @param file PEM
   * @return this
   * @throws IOException when it cannot be read
   * @throws IllegalArgumentException when there is no certificate in it
   */
  public ProntoBuilder certificateAuthority(Path file) throws IOException {
    authorities =
        FileContent.of("the certificate authority", () -> Authorities.read(file), file)::get;
    return tls();
  }

  /**
   * Connects with TLS, and checks the server's certificate with these certificate authorities only.
   *
   * @param pem PEM
   * @return this
   * @throws IOException never: it is read from memory
   * @throws IllegalArgumentException when there is no certificate in it
   */
  public ProntoBuilder certificateAuthority(byte[] pem) throws IOException {
    TrustManager read = Authorities.of(pem, "the bytes");
    authorities = () -> read;
    return tls();
  }

  /**
   * Connects with TLS, and shows the server a certificate. Files that change are read again for the
   * next connection.
   *
   * @param certificate the certificate and those up to its authority, PEM
   * @param key its key, PKCS #8 in PEM
   * @return this
   * @throws IOException when they cannot be read
   * @throws IllegalArgumentException when they are not that, or do not belong together
   */
  public ProntoBuilder clientCertificate(Path certificate, Path key) throws IOException {
    identity =
        FileContent.of(
                "the client certificate or its key",
                () -> Identity.read(certificate, key),
                certificate,
                key)
            ::get;
    return tls();
  }

  /**
   * The token by which the server knows this client. It excludes {@link #tokenFile}.
   *
   * @param text the token, without space around it
   * @return this
   * @throws IllegalArgumentException when it cannot be a header
   */
  public ProntoBuilder token(String text) {
    token = Token.of(text);
    return this;
  }

  /**
   * A file with the token by which the server knows this client. It is read by {@link #connect},
   * and again when it changes; while it is empty or gone, the last token stays. It excludes {@link
   * #token}.
   *
   * @param file a file with nothing but the token; space around it is dropped
   * @return this
   */
  public ProntoBuilder tokenFile(Path file) {
    tokenFile = Objects.requireNonNull(file);
    return this;
  }

  /**
   * A key of Pronto, for servers that let clients bring their own.
   *
   * @param key the key, without space around it
   * @return this
   * @throws IllegalArgumentException when it cannot be a header
   */
  public ProntoBuilder apiKey(String key) {
    apiKey = HeaderValue.credential(key, "the key");
    return this;
  }

  /**
   * Sends credentials in the clear to other machines, too. Right only where the network itself
   * keeps others out, such as a service mesh that encrypts.
   *
   * @return this
   */
  public ProntoBuilder allowInsecure() {
    allowInsecure = true;
    return this;
  }

  /**
   * Compresses requests with gzip; the server must take it. Answers are decompressed in any case.
   *
   * @return this
   */
  public ProntoBuilder gzip() {
    gzip = true;
    return this;
  }

  /**
   * Intercepts all calls, with what is followed, such as for tracing: once for a call and its
   * repeats.
   *
   * @param added the first one sees a call first
   * @return this
   */
  public ProntoBuilder intercept(ClientInterceptor... added) {
    interceptors.addAll(Arrays.asList(added));
    return this;
  }

  /**
   * Makes the client. The connection is made by the first call.
   *
   * @return a client, to be closed
   * @throws IllegalArgumentException when the target is no address, the token file has no token,
   *     options exclude each other, or credentials would go to another machine in the clear
   */
  public Pronto connect() {
    Address address = Address.parse(target);
    refuseContradictions(address);
    refuseClearCredentials(address);
    return open(address.channel(transport()), Engine.start());
  }

  /** What all connections are made with. */
  ChannelCredentials transport() {
    return tls
        ? NettySslContextChannelCredentials.create(new RenewedTls(authorities, identity))
        : InsecureChannelCredentials.create();
  }

  /** Makes the client over any transport. */
  Pronto open(ManagedChannelBuilder<?> channel, Engine engine) {
    channel
        .keepAliveTime(30, TimeUnit.SECONDS)
        .keepAliveTimeout(10, TimeUnit.SECONDS)
        .keepAliveWithoutCalls(false)
        .maxInboundMessageSize(MAX_MESSAGE_BYTES)
        .maxInboundMetadataSize(MAX_METADATA_BYTES)
        .enableRetry()
        // The methods that may be repeated are known here; DNS has no say in it.
        .disableServiceConfigLookUp()
        .defaultServiceConfig(Retries.serviceConfig(Services.ALL));
    if (gzip) {
      channel.intercept(new CompressionInterceptor());
    }
    // Without credentials of its own, too: those of a call are checked.
    channel.intercept(new CredentialsInterceptor(token(), apiKey));
    Closing closing = new Closing();
    Pauses pauses = new Pauses();
    List<ClientInterceptor> outer = outer(new RequestIdInterceptor(engine, pauses));
    Connection calls = Connection.of(channel.build(), engine, closing, outer);
    // What is followed goes on by itself, and must see each failure: gRPC's pauses look like
    // silence. What the server has not taken is still sent again at once.
    channel.defaultServiceConfig(Map.of());
    Lanes lanes = new Lanes(() -> Connection.of(channel.build(), engine, closing, outer));
    Channel stubs = ClientInterceptors.intercept(new Route(calls, lanes), outer);
    return new Pronto(stubs, calls, lanes, engine, closing, pauses);
  }

  /** The last one is the outermost: each attempt reads the token anew. */
  private List<ClientInterceptor> outer(ClientInterceptor repeats) {
    List<ClientInterceptor> outer = new ArrayList<>(interceptors);
    outer.add(repeats);
    Collections.reverse(outer);
    return List.copyOf(outer);
  }

  private Token token() {
    return tokenFile == null ? token : Token.in(tokenFile);
  }

  private void refuseContradictions(Address address) {
    if (token != null && tokenFile != null) {
      throw new IllegalArgumentException(
          "token and tokenFile exclude each other: give one of them");
    }
    if (tls && address instanceof Address.Unix) {
      throw new IllegalArgumentException(
          "the server's Unix sockets never speak TLS: connect to "
              + target
              + " without tls(), certificateAuthority() and clientCertificate()");
    }
  }

  private void refuseClearCredentials(Address address) {
    boolean credentials = token != null || tokenFile != null || apiKey != null;
    if (credentials && !tls && !address.local() && !allowInsecure) {
      throw new IllegalArgumentException(
          "a token or key would be sent in the clear to "
              + target
              + ": connect with tls(), or to this machine; allowInsecure() if the network itself"
              + " keeps others out");
    }
  }
}
