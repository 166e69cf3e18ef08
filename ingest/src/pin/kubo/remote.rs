//! Pinning services that the node knows: it keeps their keys, and asks them for us.

use ipfs_api_prelude::ApiRequest;
use mira_core::cid::Cid;
use serde::{Deserialize, Serialize, Serializer};

use super::{Kubo, PinError};
use crate::pin::remote::{RemoteState, Service};

/// All states: without them a service lists only what is pinned.
const ALL_STATES: &[&str] = &["queued", "pinning", "pinned", "failed"];

impl Kubo {
    /// The services that the node's owner has configured, by name.
    ///
    /// # Errors
    /// [`PinError`].
    pub async fn services(&self) -> Result<Vec<Service>, PinError> {
        let body = self.call(ServiceLs {}, self.patience.quick).await?;
        let found: Services = self.parse(ServiceLs::PATH, &body, "services")?;
        Ok(found.services.into_iter().map(|it| Service::new(it.service, &it.endpoint)).collect())
    }

    /// How far a service is with a pin of this name; nothing if it knows none.
    ///
    /// # Errors
    /// [`PinError::Refused`] with the service's own words.
    pub async fn remote_state(&self, service: &str, cid: &Cid, name: &str) -> Result<Option<RemoteState>, PinError> {
        let arg = cid.to_string();
        let request = RemoteLs(Filter { service, cid: &arg, name, status: ALL_STATES });
        let body = self.call(request, self.patience.quick).await?;
        let mut best = None;
        for line in body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let pin: RemotePin = self.parse(RemoteLs::PATH, line, "lines of JSON")?;
            // A service may understand a filter otherwise than it should.
            if pin.cid == arg && pin.name == name {
                best = best.max(RemoteState::named(&pin.status));
            }
        }
        Ok(best)
    }

    /// Asks a service to pin, and does not wait for it.
    ///
    /// # Errors
    /// [`PinError::Refused`] with the service's own words.
    pub async fn remote_add(&self, service: &str, cid: &Cid, name: &str) -> Result<RemoteState, PinError> {
        let arg = cid.to_string();
        let request = RemoteAdd { arg: &arg, service, name, background: true };
        let body = self.call(request, self.patience.stall).await?;
        let pin: RemotePin = self.parse(RemoteAdd::PATH, &body, "a pin")?;
        let state = RemoteState::named(&pin.status).filter(|_| pin.cid == arg);
        state.ok_or_else(|| self.transport.answer(RemoteAdd::PATH, "the pin that was asked for"))
    }

    /// Ends a service's pins of this very CID and name, in these states.
    ///
    /// # Errors
    /// [`PinError::Refused`] with the service's own words.
    pub async fn remote_rm(&self, service: &str, cid: &Cid, name: &str, only_failed: bool) -> Result<(), PinError> {
        let status = if only_failed { &["failed"] } else { ALL_STATES };
        let request = RemoteRm(Filter { service, cid: &cid.to_string(), name, status });
        self.call(request, self.patience.stall).await.map(drop)
    }
}

#[derive(Serialize)]
struct ServiceLs {}

impl ApiRequest for ServiceLs {
    const PATH: &'static str = "/pin/remote/service/ls";
}

#[derive(Deserialize)]
struct Services {
    #[serde(rename = "RemoteServices", default)]
    services: Vec<KnownService>,
}

#[derive(Deserialize)]
struct KnownService {
    #[serde(rename = "Service")]
    service: String,
    #[serde(rename = "ApiEndpoint")]
    endpoint: String,
}

/// Which pins of a service are meant. Over HTTP a list is an option that is given more than once.
struct Filter<'a> {
    service: &'a str,
    cid: &'a str,
    name: &'a str,
    status: &'static [&'static str],
}

impl<'a> Filter<'a> {
    fn options(&self) -> impl Iterator<Item = (&'static str, &'a str)> {
        let states = self.status.iter().map(|state| ("status", *state));
        [("service", self.service), ("cid", self.cid), ("name", self.name)].into_iter().chain(states)
    }
}

struct RemoteLs<'a>(Filter<'a>);

impl Serialize for RemoteLs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.options())
    }
}

impl ApiRequest for RemoteLs<'_> {
    const PATH: &'static str = "/pin/remote/ls";
}

#[derive(Serialize)]
struct RemoteAdd<'a> {
    arg: &'a str,
    service: &'a str,
    name: &'a str,
    background: bool,
}

impl ApiRequest for RemoteAdd<'_> {
    const PATH: &'static str = "/pin/remote/add";
}

/// Ends all of them, however many there are.
struct RemoteRm<'a>(Filter<'a>);

impl Serialize for RemoteRm<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.options().chain([("force", "true")]))
    }
}

impl ApiRequest for RemoteRm<'_> {
    const PATH: &'static str = "/pin/remote/rm";
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RemotePin {
    status: String,
    cid: String,
    #[serde(default)]
    name: String,
}
