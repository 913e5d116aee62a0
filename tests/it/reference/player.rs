//! Calls RPCs of a server, whichever they are.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Buf, BufMut};
use pronto_grpc::proto::v1::{Completion, ListCallbacksRequest};
use pronto_grpc::sandbox::{Sandbox, SandboxConfig};
use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor, MethodDescriptor, ReflectMessage};
use tempfile::TempDir;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Request, Status};

use super::options;
use super::patience::Patience;
use crate::harness::stage::{self, FAST};
use crate::harness::{Setup, TestServer, read, read_all};

/// So much is read of a stream that does not end.
const BEGINNING: usize = 2;

/// A server in front of the sandbox that the recipes use.
pub struct Player {
    sandbox: Sandbox,
    server: TestServer,
    patience: Patience,
    _data: TempDir,
}

impl Player {
    pub async fn start() -> Self {
        let config = SandboxConfig {
            pace: FAST,
            sync_latency: Duration::ZERO,
            rate_limits: false,
            ..Default::default()
        };
        let (sandbox, address) = stage::sandbox(config).await;
        let (patience, address) = Patience::start(sandbox.clone(), address).await;
        let data = tempfile::tempdir().unwrap();
        let mut setup = Setup::new(address, data.path());
        setup.sandbox = Some(sandbox.clone());
        Self {
            sandbox,
            server: setup.start().await,
            patience,
            _data: data,
        }
    }

    /// What comes of a call, without progress, which comes when it likes.
    pub async fn call(
        &self,
        method: &MethodDescriptor,
        request: DynamicMessage,
    ) -> Result<Vec<DynamicMessage>, Status> {
        let late = options::upstream(method).and_then(|known| known.late);
        self.patience
            .is_busy
            .store(late.is_some(), Ordering::SeqCst);
        let mut grpc = tonic::client::Grpc::new(self.server.channel.clone());
        grpc.ready().await.unwrap();
        let service = method.parent_service();
        let path = format!("/{}/{}", service.full_name(), method.name());
        let codec = Dynamic(method.output());
        let path = path.parse().unwrap();
        let answer = grpc.server_streaming(Request::new(request), path, codec);
        let mut stream = answer.await?.into_inner();
        let most = match is_endless(method) {
            true => BEGINNING,
            false => usize::MAX,
        };
        let mut answers = Vec::new();
        while answers.len() < most
            && let Some(answer) = stream.message().await?
        {
            if !is_progress(&answer) {
                answers.push(answer);
            }
        }
        self.settle(method, &answers).await;
        Ok(answers)
    }

    /// Waits until nothing is under way any more that a call began.
    async fn settle(&self, method: &MethodDescriptor, answers: &[DynamicMessage]) {
        self.sandbox.idle().await;
        let Some(job_id) = answers.first().and_then(job_of) else {
            return;
        };
        let mut events = self.server.watch(&job_id, 0).await;
        if is_endless(method) {
            let request = ListCallbacksRequest {
                job_id,
                page_size: 500,
                ..Default::default()
            };
            let callbacks = self.server.jobs().list_callbacks(request).await.unwrap();
            // Each brought one result, and `started` stands before them.
            read(&mut events, callbacks.into_inner().callbacks.len() + 1).await;
        } else {
            read_all(&mut events).await;
        }
        self.patience.is_busy.store(false, Ordering::SeqCst);
    }
}

/// Whether the job of an RPC never ends.
pub fn is_endless(method: &MethodDescriptor) -> bool {
    let late = options::upstream(method).and_then(|known| known.late);
    late.is_some_and(|late| late.completion() == Completion::Never)
}

fn is_progress(answer: &DynamicMessage) -> bool {
    answer.descriptor().name() == "JobEvent" && answer.has_field_by_name("progress")
}

/// The id of the job that a call started.
fn job_of(answer: &DynamicMessage) -> Option<String> {
    let id = match answer.descriptor().name() {
        "JobEvent" => answer.get_field_by_name("job_id")?.into_owned(),
        "StartResponse" => {
            let job = answer.get_field_by_name("job")?;
            job.as_message()?.get_field_by_name("id")?.into_owned()
        }
        _ => return None,
    };
    Some(id.as_str()?.to_owned())
}

/// Reads messages that this descriptor describes.
struct Dynamic(MessageDescriptor);

impl Codec for Dynamic {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self(self.0.clone())
    }

    fn decoder(&mut self) -> Self {
        Self(self.0.clone())
    }
}

impl Encoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, item: DynamicMessage, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&item.encode_to_vec());
        Ok(())
    }
}

impl Decoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        let message = DynamicMessage::decode(self.0.clone(), bytes);
        Ok(Some(
            message.map_err(|error| Status::internal(error.to_string()))?,
        ))
    }
}
