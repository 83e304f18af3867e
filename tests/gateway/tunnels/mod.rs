//! WebSockets and other upgraded connections through the gateway.

mod ends;
mod passed;
mod socket;
mod upstream;

use portcullis_tests::{Gateway, Place};

use crate::PROGRAM;
pub(crate) use socket::{Socket, frame, handshake};
pub(crate) use upstream::Chatty;

/// A gateway whose route `/` hands on WebSockets and `tcp`, and a key for it.
struct World {
    place: Place,
    upstream: Chatty,
    gateway: Gateway,
    token: String,
}

impl World {
    fn start(further: &str) -> Self {
        let (place, upstream) = (Place::new(PROGRAM), Chatty::start());
        let config = format!(
            "{further}[access_log]\npath = \"access.log\"\n\
             [[services]]\nname = \"chat\"\npermissions = []\n\
             [[upstreams]]\nname = \"chat\"\nurl = \"http://{}\"\n\
             [[routes]]\nname = \"chat\"\nprefix = \"/\"\nservice = \"chat\"\nupstream = \"chat\"\n\
             upgrades = [\"websocket\", \"tcp\"]\n\
             [[routes]]\nname = \"plain\"\nprefix = \"/plain\"\nservice = \"chat\"\n\
             upstream = \"chat\"\n",
            upstream.address
        );
        let gateway = Gateway::start(&place, &config);
        let token = place.issue("chat", &[]);
        Self {
            place,
            upstream,
            gateway,
            token,
        }
    }

    fn revoke(&self) {
        let revoke = ["keys", "revoke", Place::id(&self.token), "--reason", "left"];
        self.place.run(&revoke).ok();
    }
}
