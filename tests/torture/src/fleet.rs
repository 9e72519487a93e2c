//! The service processes of a target.

use std::{
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use clap::ValueEnum as _;

use crate::target::{Sabotage, Target};

/// Even on a busy machine a service listens by then.
const PATIENCE: Duration = Duration::from_secs(60);

/// The processes that serve one target, and where.
pub(crate) struct Fleet {
    target: Target,
    place: Vec<String>,
    secret: String,
    sabotage: Option<Sabotage>,
    services: Vec<Mutex<Service>>,
    /// How often sessions that live in a process may have died with it.
    epoch: AtomicU64,
}

struct Service {
    child: Option<Child>,
    address: SocketAddr,
}

impl Fleet {
    pub(crate) fn start(target: Target, place: Vec<String>, sabotage: Option<Sabotage>, seed: u64) -> Result<Self> {
        // As long as a key of a signed cookie has to be; another one for each fleet.
        let secret = format!("{seed:032x}{:016x}{:016x}", std::process::id(), fastrand::u64(..));
        let mut fleet = Self { target, place, secret, sabotage, services: Vec::new(), epoch: 0.into() };
        for _ in 0..target.processes() {
            let service = fleet.launch()?;
            fleet.services.push(Mutex::new(service));
        }
        Ok(fleet)
    }

    fn launch(&self) -> Result<Service> {
        let name = |value: Option<clap::builder::PossibleValue>| value.map(|value| value.get_name().to_owned());
        let mut command = Command::new(std::env::current_exe().context("finding our own program")?);
        command.arg("serve").arg("--target").args(name(self.target.to_possible_value()));
        command.arg("--secret").arg(&self.secret);
        for place in &self.place {
            command.arg("--place").arg(place);
        }
        if let Some(sabotage) = &self.sabotage {
            command.arg("--sabotage").args(name(sabotage.to_possible_value()));
        }
        // Closing its input is how a service is told to end, also when we are killed. Ctrl-C is for us alone.
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().context("starting a service")?;
        let output = child.stdout.take().context("the output of a service")?;
        let mut service = Service { child: Some(child), address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) };
        let (sender, receiver) = mpsc::channel();
        // A pipe has no read timeout, so a thread waits; it ends with the service at the latest.
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(output).read_line(&mut line);
            let _ = sender.send(read.map(|_| line)); // fails if nobody waits any more
        });
        let line = receiver.recv_timeout(PATIENCE).context("a service does not come up")??;
        service.address.set_port(line.trim().parse().with_context(|| format!("a service said {line:?}"))?);
        Ok(service)
    }

    fn service(&self, number: usize) -> MutexGuard<'_, Service> {
        let services = &self.services;
        services[number % services.len()].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A page of one of the processes. Its path begins with our secret: a process that was killed may have left its port to
    /// one of somebody else's, which has no such page.
    pub(crate) fn somewhere(&self, page: &str) -> (SocketAddr, String) {
        let address = self.service(fastrand::usize(..self.size())).address;
        (address, format!("/{}{page}", self.secret))
    }

    pub(crate) fn size(&self) -> usize {
        self.services.len()
    }

    /// Kills a process in the middle of whatever it does, and starts another one in its place.
    pub(crate) fn kill_and_restart(&self, number: usize) -> Result<()> {
        if let Some(mut child) = self.service(number).child.take() {
            child.kill().context("killing a service")?;
            child.wait().context("waiting for a service that was killed")?;
        }
        // From here on sessions in its memory are gone.
        self.epoch.fetch_add(1, Ordering::SeqCst);
        let service = self.launch()?;
        *self.service(number) = service;
        Ok(())
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It has ended already, or must not outlive us.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
