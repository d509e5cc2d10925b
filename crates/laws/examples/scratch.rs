use kleiber_laws::*;
use kleiber_core::table::*;
use std::time::Instant;
fn main(){
  let t=Table::read(std::path::Path::new("/work/shared/data/chinchilla-points/df.csv")).unwrap();
  let law=Law::named("chinchilla").unwrap();
  for (m,b) in [(Method::Varpro,0),(Method::Grid,0),(Method::Varpro,4000)] {
    let s=Instant::now();
    let f=law.fit(&t,&Options{method:Some(m),bootstrap:b,influence:b>0,..Default::default()}).unwrap();
    println!("{} {:?} {:?} obj {:.17e} starts {:?} cond {:?} {:?}",f.method,s.elapsed(),f.status,f.objective.value.unwrap_or(0.),f.starts,f.condition_number,f.bootstrap);
    for (k,v) in &f.coefficients { println!("  {k} {:.12} {:?} {:?}",v.value.unwrap(),v.low,v.high); }
    for (k,v) in &f.derived { println!("  {k} {:?}",v); }
    println!("{:?} {:?}",f.reasons,f.warnings);
    for i in &f.influence { println!("{:?}",i); }
  }
}
