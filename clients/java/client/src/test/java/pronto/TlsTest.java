// SPDX-License-Identifier: Apache-2.0
package pronto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsServerCredentials;
import io.grpc.TlsServerCredentials.ClientAuth;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import pronto.v1.EnrichContactRequest;
import pronto.v1.GetJobRequest;
import pronto.v1.GetJobResponse;
import pronto.v1.JobServiceGrpc;

/** Certificates that are renewed under a client. */
final class TlsTest {
  @TempDir static Path folder;

  private static Certificates old;
  private static Certificates renewed;
  private static Certificates host;

  /** Who called, by the name in its certificate. */
  private final List<String> callers = new ArrayList<>();

  private Server server;

  @BeforeAll
  static void make() throws Exception {
    host = Certificates.make(folder, "host");
    old = Certificates.make(folder, "old");
    renewed = Certificates.make(folder, "renewed");
  }

  @AfterEach
  void stop() throws InterruptedException {
    server.shutdownNow().awaitTermination();
  }

  @Test
  void aRenewedCertificateIsShownOnTheNextConnection() throws Exception {
    serve(0, host, ClientAuth.REQUIRE);
    Certificates shown = old.copy(folder.resolve("shown"));
    ProntoBuilder builder = Pronto.builder().target("localhost:" + server.getPort());
    builder.certificateAuthority(Files.readAllBytes(host.certificate()));
    builder.clientCertificate(shown.certificate(), shown.key());
    try (Pronto pronto = builder.connect()) {
      call(pronto);
      renewed.replace(shown);
      call(pronto);
      restart(host, ClientAuth.REQUIRE);
      call(pronto);
      Files.writeString(shown.certificate(), "half a certif");
      restart(host, ClientAuth.REQUIRE);
      call(pronto);
      // Its key is to follow.
      Files.copy(old.certificate(), shown.certificate(), StandardCopyOption.REPLACE_EXISTING);
      restart(host, ClientAuth.REQUIRE);
      call(pronto);
    }
    var expected = List.of("CN=old", "CN=old", "CN=renewed", "CN=renewed", "CN=renewed");
    assertEquals(expected, callers);
  }

  /** Sessions are resumed there, as long as nothing has changed. */
  @Test
  void renewedFilesCountAtAServerThatStaysUp() throws Exception {
    serve(0, host, ClientAuth.REQUIRE);
    Certificates shown = old.copy(folder.resolve("shown-there"));
    Certificates trusted = host.copy(folder.resolve("trusted-there"));
    ProntoBuilder builder = Pronto.builder().certificateAuthority(trusted.certificate());
    ChannelCredentials tls =
        builder.clientCertificate(shown.certificate(), shown.key()).transport();
    ManagedChannel channel =
        Grpc.newChannelBuilderForAddress("localhost", server.getPort(), tls).build();
    callAnew(channel);
    callAnew(channel);
    renewed.replace(shown);
    callAnew(channel);
    callAnew(channel);
    assertEquals(List.of("CN=old", "CN=old", "CN=renewed", "CN=renewed"), callers);

    renewed.replace(trusted);
    var error = assertThrows(StatusRuntimeException.class, () -> callAnew(channel));
    assertEquals(Status.Code.UNAVAILABLE, error.getStatus().getCode());
    channel.shutdownNow();
  }

  /** Makes a call over another connection. */
  private static void callAnew(ManagedChannel channel) {
    channel.enterIdle();
    JobServiceGrpc.newBlockingStub(channel).getJob(GetJobRequest.getDefaultInstance());
  }

  @Test
  void aRenewedAuthorityIsTrustedOnTheNextConnection() throws Exception {
    serve(0, old, ClientAuth.NONE);
    Certificates trusted = old.copy(folder.resolve("trusted"));
    ProntoBuilder builder = Pronto.builder().target("localhost:" + server.getPort());
    try (Pronto pronto = builder.certificateAuthority(trusted.certificate()).connect()) {
      call(pronto);
      restart(renewed, ClientAuth.NONE);
      assertFindsNobody(pronto);
      renewed.replace(trusted);
      call(pronto);
    }
    assertEquals(List.of("", ""), callers);
  }

  @Test
  void aServerOfAnotherNameIsNotTrusted() throws Exception {
    serve(0, host, ClientAuth.NONE);
    ProntoBuilder builder = Pronto.builder().target("127.0.0.1:" + server.getPort());
    try (Pronto pronto = builder.certificateAuthority(host.certificate()).connect()) {
      assertFindsNobody(pronto);
    }
    assertEquals(List.of(), callers);
  }

  /** Makes a call that nothing repeats. */
  private static void assertFindsNobody(Pronto pronto) {
    var request = EnrichContactRequest.getDefaultInstance();
    var error =
        assertThrows(StatusRuntimeException.class, () -> pronto.contacts().enrichContact(request));
    assertEquals(Status.Code.UNAVAILABLE, error.getStatus().getCode());
  }

  private static void call(Pronto pronto) {
    pronto.jobs().getJob(GetJobRequest.getDefaultInstance());
  }

  /** Ends all connections, and shows another certificate on the next. */
  private void restart(Certificates shown, ClientAuth clients) throws Exception {
    int port = server.getPort();
    server.shutdownNow().awaitTermination();
    serve(port, shown, clients);
  }

  private void serve(int port, Certificates shown, ClientAuth clients) throws Exception {
    var credentials =
        TlsServerCredentials.newBuilder()
            .keyManager(shown.certificate().toFile(), shown.key().toFile())
            .clientAuth(clients);
    if (clients == ClientAuth.REQUIRE) {
      String known = Files.readString(old.certificate()) + Files.readString(renewed.certificate());
      credentials.trustManager(new ByteArrayInputStream(known.getBytes(StandardCharsets.US_ASCII)));
    }
    server =
        Grpc.newServerBuilderForPort(port, credentials.build())
            .addService(new Jobs())
            .intercept(new Witness())
            .build()
            .start();
  }

  private static final class Jobs extends JobServiceGrpc.JobServiceImplBase {
    @Override
    public void getJob(GetJobRequest request, StreamObserver<GetJobResponse> answer) {
      answer.onNext(GetJobResponse.getDefaultInstance());
      answer.onCompleted();
    }
  }

  private final class Witness implements ServerInterceptor {
    @Override
    public <A, B> ServerCall.Listener<A> interceptCall(
        ServerCall<A, B> call, Metadata headers, ServerCallHandler<A, B> next) {
      callers.add(name(call.getAttributes().get(Grpc.TRANSPORT_ATTR_SSL_SESSION)));
      return next.startCall(call, headers);
    }

    private static String name(SSLSession session) {
      try {
        return session.getPeerPrincipal().getName();
      } catch (SSLPeerUnverifiedException e) {
        return "";
      }
    }
  }
}
