// SPDX-License-Identifier: Apache-2.0
package pronto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.common.util.concurrent.MoreExecutors;
import io.grpc.CallCredentials;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import pronto.v1.CancelJobRequest;

final class CredentialsTest {
  private static final Metadata.Key<String> AUTHORIZATION = key("authorization");
  private static final Metadata.Key<String> API_KEY = key("x-api-key");

  @TempDir Path folder;
  private final List<Metadata> all = new ArrayList<>();
  private final FakeServer.Jobs jobs = new FakeServer.Jobs();
  private Metadata received;
  private FakeServer server;

  @BeforeEach
  void start() throws IOException {
    ServerInterceptor record =
        new ServerInterceptor() {
          @Override
          public <Q, A> ServerCall.Listener<Q> interceptCall(
              ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
            received = headers;
            all.add(headers);
            return next.startCall(call, headers);
          }
        };
    server = new FakeServer(jobs, record);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void areSentWithEachCall() {
    try (Pronto pronto = open(Pronto.builder().token("secret").apiKey("pronto-key"))) {
      call(pronto);
      assertEquals("Bearer secret", received.get(AUTHORIZATION));
      assertEquals("pronto-key", received.get(API_KEY));
    }
  }

  @Test
  void areNotSentWhereThereAreNone() {
    try (Pronto pronto = open(Pronto.builder())) {
      call(pronto);
      assertTrue(!received.containsKey(AUTHORIZATION) && !received.containsKey(API_KEY));
    }
  }

  @Test
  void giveWayToThoseOfTheCall() {
    Metadata own = new Metadata();
    own.put(API_KEY, "of-the-call");
    try (Pronto pronto = open(Pronto.builder().apiKey("of-the-client"))) {
      assertThrows(
          StatusRuntimeException.class,
          () ->
              pronto
                  .jobs()
                  .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(own))
                  .cancelJob(CancelJobRequest.getDefaultInstance()));
      assertEquals(List.of("of-the-call"), values(received, API_KEY));
    }
  }

  @Test
  void giveWayToThoseThatGrpcAsksFor() {
    Metadata own = new Metadata();
    own.put(AUTHORIZATION, "Bearer of-the-call");
    callBringing(own);
    assertEquals(List.of("Bearer of-the-call"), values(received, AUTHORIZATION));
    assertEquals(List.of("pronto-key"), values(received, API_KEY));
  }

  @Test
  void areNotLeftInThoseThatGrpcAsksFor() {
    Metadata constant = new Metadata();
    callBringing(constant);
    assertEquals(List.of("Bearer of-the-client"), values(received, AUTHORIZATION));
    assertEquals(Set.of(), constant.keys());
  }

  /** A call with gRPC's own credentials, of a client that has a token and a key. */
  private void callBringing(Metadata brought) {
    CallCredentials own =
        new CallCredentials() {
          @Override
          public void applyRequestMetadata(
              RequestInfo info, Executor executor, MetadataApplier applier) {
            applier.apply(brought);
          }
        };
    ProntoBuilder builder = Pronto.builder().token("of-the-client").apiKey("pronto-key");
    try (Pronto pronto = open(builder)) {
      var jobs = pronto.jobs().withCallCredentials(own);
      var request = CancelJobRequest.getDefaultInstance();
      assertThrows(StatusRuntimeException.class, () -> jobs.cancelJob(request));
    }
  }

  @Test
  void aTokenFileIsReadAgainWhenItChanges() throws IOException {
    Path file = Files.writeString(folder.resolve("token"), "first\n");
    try (Pronto pronto = open(Pronto.builder().tokenFile(file))) {
      call(pronto);
      assertEquals("Bearer first", received.get(AUTHORIZATION));
      Files.writeString(file, "other\n");
      Files.setLastModifiedTime(file, FileTime.fromMillis(1));
      call(pronto);
      assertEquals("Bearer other", received.get(AUTHORIZATION));
      // As secrets are replaced: another file under the same name.
      Path next = Files.writeString(folder.resolve("next"), "third\n");
      Files.setLastModifiedTime(next, FileTime.fromMillis(1));
      Files.move(next, file, StandardCopyOption.REPLACE_EXISTING);
      call(pronto);
      assertEquals("Bearer third", received.get(AUTHORIZATION));
    }
  }

  @Test
  void aTokenFileThatIsNotThereIsRefused() throws IOException {
    Path none = folder.resolve("none");
    Path empty = Files.writeString(folder.resolve("empty"), "\n");
    assertRefused(
        none, "the token file cannot be read: java.nio.file.NoSuchFileException: " + none);
    assertRefused(empty, "the token in " + empty + " is empty");
  }

  private static void assertRefused(Path tokenFile, String message) {
    ProntoBuilder builder = Pronto.builder().tokenFile(tokenFile);
    var error = assertThrows(IllegalArgumentException.class, builder::connect);
    assertEquals(message, error.getMessage());
  }

  @Test
  void theLastTokenStaysWhileItsFileIsReplaced() throws IOException {
    Path file = Files.writeString(folder.resolve("token"), "first\n");
    try (Pronto pronto = open(Pronto.builder().tokenFile(file))) {
      Files.writeString(file, "");
      call(pronto);
      assertEquals("Bearer first", received.get(AUTHORIZATION));
      Files.delete(file);
      call(pronto);
      assertEquals("Bearer first", received.get(AUTHORIZATION));
      Files.writeString(file, "second\n");
      call(pronto);
      assertEquals("Bearer second", received.get(AUTHORIZATION));
    }
  }

  @Test
  void ofAFollowingReplaceThoseOfTheClient() {
    FollowOptions options =
        FollowOptions.DEFAULT
            .withHeader("X-Api-Key", "of-the-following")
            .withHeader("authorization", "Bearer other");
    ProntoBuilder builder = Pronto.builder().apiKey("of-the-client").token("secret");
    jobs.then(Fixtures.whole());
    try (Pronto pronto = open(builder);
        Follow follow = pronto.follow(Fixtures.JOB, options)) {
      assertThrows(ProntoException.class, follow::hasNext);
    }
    assertEquals(2, all.size(), "WatchJob and GetJob");
    for (Metadata headers : all) {
      assertEquals(List.of("of-the-following"), values(headers, API_KEY));
      assertEquals(List.of("Bearer other"), values(headers, AUTHORIZATION));
    }
    assertTrue(!options.toString().contains("of-the-following"), "the key is shown");
  }

  @Test
  void headersOfAFollowingAreChecked() {
    FollowOptions options = FollowOptions.DEFAULT;
    for (String value : List.of("", " key", "key\n", "ü")) {
      assertThrows(
          IllegalArgumentException.class, () -> options.withHeader("x-api-key", value), value);
    }
    for (String name : List.of("", "a b", "x-bin")) {
      assertThrows(IllegalArgumentException.class, () -> options.withHeader(name, "value"), name);
    }
  }

  @Test
  void aTokenAndATokenFileExcludeEachOther() throws IOException {
    Path file = Files.writeString(folder.resolve("token"), "secret");
    ProntoBuilder builder = Pronto.builder().tokenFile(file).token("other");
    IllegalArgumentException error = assertThrows(IllegalArgumentException.class, builder::connect);
    assertEquals("token and tokenFile exclude each other: give one of them", error.getMessage());
  }

  @Test
  void tlsOverAUnixSocketIsRefused() {
    ProntoBuilder builder = Pronto.builder().target("unix:/run/p.sock").tls();
    IllegalArgumentException error = assertThrows(IllegalArgumentException.class, builder::connect);
    assertTrue(
        error.getMessage().startsWith("the server's Unix sockets never speak TLS"),
        error.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"key\n", " key", "two\nlines", "", "\u0001"})
  void aCallIsNotMadeWithoutTheCredentialItBrings(String value) {
    for (Metadata.Key<String> header : List.of(API_KEY, AUTHORIZATION)) {
      Metadata own = new Metadata();
      own.put(header, value);
      try (Pronto pronto = open(Pronto.builder())) {
        var jobs = pronto.jobs().withInterceptors(MetadataUtils.newAttachHeadersInterceptor(own));
        var request = CancelJobRequest.getDefaultInstance();
        StatusRuntimeException error =
            assertThrows(StatusRuntimeException.class, () -> jobs.cancelJob(request));
        assertEquals(Status.Code.INVALID_ARGUMENT, error.getStatus().getCode());
        assertNull(received);
      }
    }
  }

  @Test
  void areNotSentInTheClearToAnotherMachine() {
    ProntoBuilder token = Pronto.builder().target("pronto.example.com:50051").token("secret");
    IllegalArgumentException error = assertThrows(IllegalArgumentException.class, token::connect);
    assertEquals(
        "a token or key would be sent in the clear to pronto.example.com:50051: connect with"
            + " tls(), or to this machine; allowInsecure() if the network itself keeps others out",
        error.getMessage());
    ProntoBuilder key = Pronto.builder().target("10.0.0.1:50051").apiKey("key");
    assertThrows(IllegalArgumentException.class, key::connect);
    ProntoBuilder file = Pronto.builder().target("[::2]:1").tokenFile(folder.resolve("token"));
    assertThrows(IllegalArgumentException.class, file::connect);

    token.tls().connect().close();
    key.allowInsecure().connect().close();
    Pronto.builder().target("pronto.example.com:50051").connect().close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"localhost:50051", "127.0.0.1:50051", "[::1]:50051", "unix:/run/p.sock"})
  void areSentInTheClearOnThisMachine(String target) {
    Pronto.builder().target(target).token("secret").connect().close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", " two", "two\n", "two words", "two\nlines", "ü"})
  void aTokenThatCannotBeAHeaderIsRefused(String token) {
    IllegalArgumentException error =
        assertThrows(IllegalArgumentException.class, () -> Pronto.builder().token(token));
    assertTrue(!error.getMessage().contains("two"), "the error shows the token");
    assertThrows(IllegalArgumentException.class, () -> Pronto.builder().apiKey(token));
  }

  private Pronto open(ProntoBuilder builder) {
    ManualTime time = new ManualTime();
    Engine engine = new Engine(MoreExecutors.newDirectExecutorService(), time, () -> 1, time::now);
    return builder.open(server.builder(), engine);
  }

  /** Any call that is not repeated. */
  private static StatusRuntimeException call(Pronto pronto) {
    return assertThrows(
        StatusRuntimeException.class,
        () -> pronto.jobs().cancelJob(CancelJobRequest.getDefaultInstance()));
  }

  private static List<String> values(Metadata headers, Metadata.Key<String> key) {
    List<String> values = new ArrayList<>();
    headers.getAll(key).forEach(values::add);
    return values;
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }
}
