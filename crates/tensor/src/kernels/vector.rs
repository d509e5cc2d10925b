//! Functions compiled for the vector instructions of this processor.

/// Declares a function whose body is compiled once for every instruction set that `pulp` knows, the widest that this
/// processor has being chosen when it is called. Only what is inlined into the body takes part: loops in it, and
/// functions marked `#[inline(always)]`.
macro_rules! kernel {
    (
        $(#[$meta:meta])*
        $vis:vis fn $name:ident<$life:lifetime, $real:ident>($($arg:ident: $kind:ty),* $(,)?) $(-> $out:ty)? $body:block
    ) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name<$life, $real: $crate::kernels::Real>($($arg: $kind),*) $(-> $out)? {
            struct Call<$life, $real> {
                $($arg: $kind,)*
                marker: std::marker::PhantomData<&$life $real>,
            }
            impl<$life, $real: $crate::kernels::Real> pulp::NullaryFnOnce for Call<$life, $real> {
                type Output = kernel!(@output $($out)?);

                #[inline(always)]
                fn call(self) -> Self::Output {
                    let Self { $($arg,)* .. } = self;
                    $body
                }
            }
            pulp::Arch::new().dispatch(Call { $($arg,)* marker: std::marker::PhantomData })
        }
    };
    (@output) => { () };
    (@output $out:ty) => { $out };
}

pub(crate) use kernel;
